"""What driving a segment costs and which ways would have been cheaper: estimation and search; NumPy, no Spark."""
