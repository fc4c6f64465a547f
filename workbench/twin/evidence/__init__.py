"""What captures say about a system, one question a file; `twin.calibrate` asks them all.

clocks: whose clock is off; transient: when warm-up was over; structure: who calls whom, and how;
spans: work, transit and arrivals, request by request; counters, blocks: the same from metrics alone;
censored: work of which only its caller tells; persistence: whether slow work stays slow when retried;
contention: whether work slows down in company; collector: what is allocated, and what a collection costs.
"""
