"""MCP: the same operations as tools, for any MCP client, and a small catalogue of their own for the agents of a session.

toolset     what a caller may use, in our words: one class of tool for operators and for agents
catalogue   the tools of operators, made of the registry
agents      the tools of agents, made of `cao.toolbox`
app         `/mcp` of our server
gateway     where a turn's agent finds its tools, under a token that attests it
stdio       `cao mcp`
http        streamable HTTP, for app and gateway
sdk         the only module that imports the MCP SDK (0.8 s); the others load it when it is first needed
"""
