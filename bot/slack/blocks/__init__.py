"""Every word the bot says, as Block Kit: pure, one module per subject."""
