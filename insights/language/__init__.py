"""A language model, where one is configured: it plans over the tools that everybody has, and words what they gave.

    server.py      the one call that leaves this machine, bounded in time and size
    prompts.py     what the model is told, with data marked as data (pure)
    talking.py     the loop of calls and tools, bounded in steps, calls, size and time
    checking.py    whether what it wrote may be shown: every number has to be one that a tool gave (pure)
    reading.py     the numbers and times in a text (pure)      known.py   those in what tools gave (pure)
    counting.py    how many calls a user has left today, and figures for /metrics
    answering.py   an answer or a summary in its words; the template's, where anything at all is wrong

What it writes is shown as plain text and is never run. Without a model, and when it fails, nothing else changes.
"""
