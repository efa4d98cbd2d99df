"""The tools for other agents, over the Model Context Protocol: a process of its own, started by `manage.py run_mcp`.

    server.py   tools and their results in the protocol's words    access.py   who asks: a token, or a name
    http.py     over HTTP, on loopback unless told otherwise

It does not stand behind the site's server, which starts no background task for it when it starts (ASGI's lifespan).
"""
