"""The `cao` program: a command for each operation of the catalogue, and the programs `serve` and `mcp`."""
