"""Stand-ins of Slack, forge and index, and the demo that plays on them; the product never imports this."""
