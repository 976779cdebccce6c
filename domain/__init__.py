"""What is allowed: statuses, reasons, transitions, deadlines and errors. No I/O, no clock, the standard library only."""
