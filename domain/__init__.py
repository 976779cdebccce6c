"""The rules of a verification: statuses, reasons, transitions, deadlines and errors. No I/O, no clock, only the standard library."""
