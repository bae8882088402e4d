-- Values that containers keep: a message's bytes, and the objects that go with it, which it holds.
--
-- | where          | form |
-- | -------------- | ---- |
-- | in a container | `<stamp>|<object> <object>…|<bytes>`: the stamp is a number that no other value of the container has had |
-- | in a step, and in an answer | two texts: the objects, with spaces between them; the bytes |
-- | many in a step | one text: a list of such texts, packed as MessagePack has it, since a step has at most some thousand arguments |
--
-- Whoever is given a copy is given the objects in the same step: he has them, whatever becomes of the value.

local kept = {
  -- As many words as one command is given.
  most = 1000,
}

function kept.parts(record)
  return record:match("^(%d+)|([%d ]*)|(.*)$")
end

-- The texts of a packed list; nil if it is none, or of another number than whole groups of `size`.
function kept.many(packed, size)
  local fine, list = pcall(cmsgpack.unpack, packed or "")
  if not fine or type(list) ~= "table" or #list % size ~= 0 then return nil end
  for _, it in ipairs(list) do
    if type(it) ~= "string" then return nil end
  end
  return list
end

-- Why a value cannot be kept; nil if it can.
function kept.refusal(tree, objects, bytes)
  if not bytes or not objects or objects:find("[^%d ]") then return "malformed" end
  for o in objects:gmatch("%d+") do
    if redis.call("EXISTS", key_of(tree, o)) == 0 then return "gone" end
  end
end

-- Why one of the values of a list cannot be kept, in which each group of `size` ends with the two texts of one.
function kept.refusal_of(tree, list, size)
  if not list then return "malformed" end
  for i = size, #list, size do
    local why = kept.refusal(tree, list[i - 1], list[i])
    if why then return why end
  end
end

-- The stamps of the next values, as many as are wanted: the first one.
function kept.stamp(tree, o, count)
  return redis.call("HINCRBY", key_of(tree, o), "stamp", text(count)) - count + 1
end

-- The record of a value, whose objects are held from now on.
function kept.keep(tree, o, stamp, objects, bytes)
  if objects ~= "" then
    redis.call("HSET", key_of(tree, o), "nested", "1")
    for it in objects:gmatch("%d+") do hold(tree, it) end
  end
  return text(stamp) .. "|" .. objects .. "|" .. bytes
end

-- Lets go of what a record has held, which is in no container any more.
function kept.drop(tree, record)
  local _, objects = kept.parts(record)
  for it in objects:gmatch("%d+") do unhold(tree, it) end
end

-- Adds the value of a record to an answer; the caller has its objects.
function kept.give(call, answer, record)
  local _, objects, bytes = kept.parts(record)
  for it in objects:gmatch("%d+") do adopt(call.tree, call.member, it) end
  answer[#answer + 1] = objects
  answer[#answer + 1] = bytes
  return answer
end

-- Does a command with many words, some at a time: `command key word…`; each portion has whole groups of `size`.
function kept.portions(command, key, words, size)
  local count = kept.most - kept.most % (size or 1)
  for from = 1, #words, count do
    redis.call(command, key, unpack(words, from, math.min(from + count - 1, #words)))
  end
end

-- A step of a container of that kind: `run` is called for one that there is only.
function kept.step(kind, name, flags, run)
  step(name, flags, function(call, o, ...)
    if not o or redis.call("HGET", key_of(call.tree, o), "kind") ~= kind then return { "no", "gone" } end
    return run(call, o, ...)
  end)
end

-- Notes that there is one more container in the tree, or one less.
function kept.count(tree, change)
  redis.call("HINCRBY", tree .. "tree", "containers", change)
end

-- The end of a container with these records. It may be inside of itself, by whatever else: then it is no container any more.
function kept.give_up(tree, o, records)
  redis.call("HDEL", key_of(tree, o), "kind")
  kept.count(tree, -1)
  for _, record in ipairs(records) do kept.drop(tree, record) end
end

-- containers → ok count: how many there are in the tree.
look("containers", { "no-writes" }, function(tree)
  return { "ok", redis.call("HGET", tree .. "tree", "containers") or "0" }
end)

-- Whether there may be objects in the values of a container, so that it must be looked through at its end.
function kept.has_nested(tree, o)
  return redis.call("HEXISTS", key_of(tree, o), "nested") == 1
end
