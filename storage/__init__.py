"""What is kept: rows, sealing, queries, history. Never imports bot."""
