"""Everything that reads or writes MongoDB, and the change stream. No other package imports the driver."""
