"""One function per question asked of the database; rows in, frozen records out.

Knows: SQL, sealing with row ids. Must not know: policy, `bot`.

Each function takes an open session (`Database.transaction()` or `.reading()`) first, and all but the sweeps
take the team, so that no question can reach another team's rows.
"""
