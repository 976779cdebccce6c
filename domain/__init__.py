"""The rules of a verification: statuses, reasons, transitions, deadlines and errors.

This package does no I/O, reads no clock and imports only the standard library.
"""
