"""Tests of the stand-ins themselves: what they answer is what the bot is tested against."""
