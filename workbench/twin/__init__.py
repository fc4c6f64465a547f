"""The calibrated model: simulate, observe, calibrate, predict; exact theory beside it."""
