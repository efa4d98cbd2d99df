"""Close a buffer that leaves the ring, in the server itself.

A bridge that cannot reach the database goes on with the ring that it knows, and might append to a buffer that has left
it. So the stream of an empty buffer is put away and a word takes its place: an append then fails as a whole, and the
bridge takes the next buffer. Whether the buffer is empty is looked at in the same step.
"""

from __future__ import annotations

from typing import cast

import redis

from ingest.ring import RECEIVED, STREAM

KEPT = f"{STREAM}:kept"  # the stream while its buffer is sealed; it knows the last entry's id, so that none comes twice

SEAL = """
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' then return 'sealed' end
if kind == 'stream' then
  local entries = redis.call('XLEN', KEYS[1])
  if entries > 0 then return entries .. ' entries wait in it' end
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for place = 1, #group, 2 do
      if group[place] == 'pending' and group[place + 1] > 0 then
        return group[place + 1] .. ' entries are in the hands of workers'
      end
    end
  end
end
for place = 2, #KEYS - 1 do
  for _, field in ipairs(redis.call('HKEYS', KEYS[place])) do
    if field ~= 'number' then return 'the books have not taken over all it counted' end
  end
end
if kind == 'stream' then redis.call('RENAME', KEYS[1], KEYS[#KEYS]) end
redis.call('SET', KEYS[1], 'removed')
redis.call('SET', KEYS[2], 'removed')
return 'sealed'
"""
UNSEAL = """
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('RENAME', KEYS[3], KEYS[1]) end
return 1
"""


def seal(client: redis.Redis, *counts: str) -> str:
    """Seal a buffer that is empty; return why it is not, or an empty string when it is sealed.

    `counts` are further hashes on it that must be empty, but for their field `number`. Raises redis.RedisError.
    """
    keys = [STREAM, RECEIVED, *counts, KEPT]
    answer = cast(bytes, client.eval(SEAL, len(keys), *keys)).decode()
    return "" if answer == "sealed" else answer


def is_sealed(client: redis.Redis) -> bool:
    """Tell whether a buffer is sealed. Raises redis.RedisError."""
    return cast(bytes, client.type(STREAM)) == b"string"


def unseal(client: redis.Redis) -> None:
    """Open a buffer again, if it is sealed. Raises redis.RedisError."""
    client.eval(UNSEAL, 3, STREAM, RECEIVED, KEPT)
