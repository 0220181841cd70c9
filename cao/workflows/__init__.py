"""Workflows as written: what a definition says, how it is read and checked, what follows from a decision. No I/O."""
