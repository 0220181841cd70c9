"""The page at `/`: hand-written modules and styles in `static/`, served as they are. It uses the public HTTP API only.

`files.find` gives a file with the headers that go with it; `cao.http` routes to it.
"""
