"""The board and the person's page in every state, with realistic data at a fixed time: for screenshots, and for tests of the pages' accessibility."""
