"""Tables → numbers, pure: every function takes a Capture or frames, gives new ones and changes nothing."""
