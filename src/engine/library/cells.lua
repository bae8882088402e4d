-- Cells: the bytes of a value or an array, and how they travel with the lock that was made for it.
--
-- | key      | what |
-- | -------- | ---- |
-- | o:<o>:b  | the bytes of a value or an array, as they lie in memory: little-endian |
-- | o:<lock> | `cell`: the value that the lock was made for, if its bytes are few |
--
-- Who acquires such a lock is told the bytes with it; who releases it says which have changed. So `value += 1` under the
-- lock costs two trips. A holder that dies has said nothing: the bytes are what they were before.

local cells = {
  -- Larger ones do not travel.
  most = 1024,
}

function cells.key(tree, o)
  return tree .. "o:" .. o .. ":b"
end

function cells.is_whole(it)
  return it ~= nil and it >= 0 and it % 1 == 0
end

-- Whether so many bytes from `offset` on are within the cell.
function cells.is_within(tree, o, offset, size)
  return cells.is_whole(offset) and offset + size <= redis.call("STRLEN", cells.key(tree, o))
end

-- The bytes from `offset` on; nil if there are not as many.
function cells.read(tree, o, offset, size)
  if not cells.is_whole(offset) or not cells.is_whole(size) then return nil end
  if size == 0 then return cells.is_within(tree, o, offset, 0) and "" or nil end
  local bytes = redis.call("GETRANGE", cells.key(tree, o), text(offset), text(offset + size - 1))
  return #bytes == size and bytes or nil
end

-- Writes pairs of an offset and bytes: all of them, or none if one is not within the cell.
function cells.write(tree, o, ...)
  local given = { ... }
  if #given % 2 ~= 0 then return false end
  for i = 1, #given, 2 do
    if not cells.is_within(tree, o, tonumber(given[i]), #given[i + 1]) then return false end
  end
  for i = 1, #given, 2 do
    if #given[i + 1] > 0 then redis.call("SETRANGE", cells.key(tree, o), given[i], given[i + 1]) end
  end
  return true
end

-- What an answer that gives a lock says besides: `cell` and the bytes of what the lock was made for, its field `cell`; or
-- nothing.
local function cell_of(tree, o)
  local bytes = o and redis.call("GET", cells.key(tree, o))
  return bytes and { "cell", bytes } or {}
end

-- Takes over what the holder of a lock has changed, which it says when it releases it; whether it could.
local function cell_put(tree, o, ...)
  return o and redis.call("EXISTS", cells.key(tree, o)) == 1 and cells.write(tree, o, ...) or false
end
