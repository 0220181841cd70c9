"""The HTTP binding: the registry as resource routes on Litestar, streams as server-sent events, and the server around it.

`app.build_app` makes the application; `server.serve` runs it for a data directory.
"""
