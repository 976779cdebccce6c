"""Small real servers that stand in for companies outside, with faults on demand."""
