"""What is decided: pure, on the standard library, packaging and storage.records alone."""
