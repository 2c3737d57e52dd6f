"""Package indexes: one pure module per wire protocol, and one thin client."""
