"""Notice, explain, act: the agent lives here. It reads what `validation` stored and never stands in its way."""
