"""load -> decide -> claim -> act, one module per lifecycle."""
