-- Pipe: two ends, each an object of its own, so that it is seen when nobody has one of them any more. Whoever waits, waits
-- at the end that they have; what is sent lies at the other one. What a record is, records.lua says.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<e>   | hash: kind `connection`; `peer`, the other end, and `0` once nobody has that; `sends`, `receives`: whether one may |
-- |         | do so here; `bytes`, which the records in :r count for; `taken` so far |
-- | o:<e>:r | list: what was sent to this end, in its order |
-- | o:<e>:b | hash: pieces of long records that are sent to this end |
-- | o:<e>:t :k :d | what was given here and has not landed yet; as of a queue |
-- | o:<e>:g :s | lists: who waits here for a record; and for something to receive, without receiving it |
-- | o:<e>:p :pk | list and hash: who waits here to send, and their records, which count for nothing yet |
--
-- | a record is  | by | becomes |
-- | ------------ | -- | ------- |
-- | new          | pipe_send with somebody in :g of the peer / with room there / without | given / in :r / parked |
-- | parked       | room at the peer; cancel or burial of its sender, the end of either end | in :r; gone |
-- | in :r        | pipe_recv | given |
-- | in :r        | the end of this end | gone |
-- | given        | landed: its taker has it | forgotten |
-- | given        | unget | in :r, at the head |
-- | given        | burial of its taker | in :r, at the head |
--
-- P1. Somebody stands in :g or :s only where :r is empty, and the peer is there.
-- P2. Somebody stands in :p only where the peer is there and has no room for the first of them.
-- P3. An end that is destroyed tells its peer, in the same step: those that wait there for more are told that it has ended,
--     those that wait to send that it is broken.

do
  local objects_of, refusal, drop_pieces = queues.objects_of, queues.refusal, queues.drop_pieces
  local take, unmark, untake, mark_of = queues.take, queues.unmark, queues.untake, queues.mark_of
  local forget, forget_all = queues.forget, queues.forget_all
  local ROOM = 1024 * 1024 -- what may lie at an end: so many bytes, or one record
  local PIECE = 1024 * 1024 -- what a piece of a long record counts for
  local OVERHEAD = 64 -- what a record counts for besides its bytes
  local PORTION = 100

  -- An end; nothing if there is none.
  local function end_of(tree, e)
    if not is_whole(e) then return nil end
    local s = redis.call("HMGET", key_of(tree, e), "kind", "peer", "sends", "receives")
    if s[1] ~= "connection" then return nil end
    return { o = e, key = key_of(tree, e), tree = tree, peer = s[2], sends = s[3] == "1", receives = s[4] == "1" }
  end

  -- The other end; nothing if nobody has it.
  local function peer_of(it)
    return it.peer ~= "0" and end_of(it.tree, it.peer) or nil
  end

  local function size_of(record)
    local count = record:byte(2) % 2 == 1 and tonumber(record:match(" (%d+)$") or "1") or 0
    return OVERHEAD + #record + count * PIECE
  end

  local function count(it, bytes)
    redis.call("HINCRBY", it.key, "bytes", text(bytes))
  end

  local function has_room(it, record)
    local bytes = tonumber(redis.call("HGET", it.key, "bytes") or "0")
    return bytes == 0 or bytes + size_of(record) <= ROOM
  end

  local function is_empty(it, list)
    return redis.call("LLEN", it.key .. list) == 0
  end

  -- Tells all in a list the same, and nobody stands there any more.
  local function tell_all(it, list, outcome)
    local waiters = redis.call("LRANGE", it.key .. list, 0, -1)
    redis.call("DEL", it.key .. list)
    for _, waiter in ipairs(waiters) do answer(it.tree, it.o, waiter, outcome) end
  end

  -- Gives a member a record that was the first in the list.
  local function given(it, m, record)
    count(it, -size_of(record))
    return { "ok", take(it, m, record), record }
  end

  -- Moves records to who waits for them, and parked ones in where there is room.
  local function serve(it)
    local from = peer_of(it)
    repeat
      while not is_empty(it, ":g") and not is_empty(it, ":r") do
        local waiter, record = redis.call("LPOP", it.key .. ":g"), redis.call("LPOP", it.key .. ":r")
        answer(it.tree, it.o, waiter, given(it, parts_of(waiter), record))
      end
      local waiter = from and redis.call("LINDEX", from.key .. ":p", 0)
      local record = waiter and redis.call("HGET", from.key .. ":pk", waiter)
      local is_room = record and has_room(it, record)
      if is_room then
        redis.call("LPOP", from.key .. ":p")
        redis.call("HDEL", from.key .. ":pk", waiter)
        redis.call("RPUSH", it.key .. ":r", record)
        count(it, size_of(record))
        answer(it.tree, from.o, waiter, { "ok" })
      end
    until not is_room
    if not is_empty(it, ":r") then tell_all(it, ":s", { "ok", "1" }) end
  end

  -- A record that was given goes back to the head.
  local function put_back(it, record)
    redis.call("LPUSH", it.key .. ":r", record)
    count(it, size_of(record))
  end

  local function landed(it, m, takes)
    local records = {}
    for _, t in ipairs(takes) do
      if is_whole(t) and unmark(it, mark_of(m, t)) then records[#records + 1] = untake(it, t) end
    end
    forget_all(it, records)
  end

  -- pipe_send e record → ok | later | no gone | no way | no broken | no lacks object | no malformed
  step("pipe_send", {}, function(call, e, record)
    local it = end_of(call.tree, e)
    if not it then return { "no", "gone" } end
    if not it.sends then return { "no", "way" } end
    local to = peer_of(it)
    if not to then return { "no", "broken" } end
    local why = refusal(to, record)
    if why then return why end
    hold_all(call.tree, objects_of(record))
    if is_empty(it, ":p") and has_room(to, record) then
      redis.call("RPUSH", to.key .. ":r", record)
      count(to, size_of(record))
      serve(to)
      return { "ok" }
    end
    redis.call("HSET", it.key .. ":pk", call.waiter, record)
    redis.call("RPUSH", it.key .. ":p", call.waiter)
    return later(call, e)
  end)

  -- pipe_recv e take… → ok take record | later | no gone | no way | no eof. Says of takes that they have landed.
  step("pipe_recv", { "allow-oom" }, function(call, e, ...)
    local it = end_of(call.tree, e)
    if not it then return { "no", "gone" } end
    landed(it, call.member, { ... })
    if not it.receives then return { "no", "way" } end
    local record = redis.call("LPOP", it.key .. ":r")
    if record then
      local answered = given(it, call.member, record)
      serve(it)
      return answered
    end
    it = end_of(call.tree, e) -- what has landed may have had the last of an end with it
    if not it then return { "no", "gone" } end
    if it.peer == "0" then return { "no", "eof" } end
    redis.call("RPUSH", it.key .. ":g", call.waiter)
    return later(call, e)
  end)

  -- pipe_poll e mode → ok 1 | ok 0 | later | no gone | no way. Whether there is something to receive, or the end. Mode 1
  -- waits until there is.
  step("pipe_poll", { "allow-oom" }, function(call, e, mode)
    local it = end_of(call.tree, e)
    if not it then return { "no", "gone" } end
    if not it.receives then return { "no", "way" } end
    if it.peer == "0" or not is_empty(it, ":r") then return { "ok", "1" } end
    if mode ~= "1" then return { "ok", "0" } end
    redis.call("RPUSH", it.key .. ":s", call.waiter)
    return later(call, e)
  end)

  -- pipe_landed m e take… → ok. These takes of m have arrived.
  look("pipe_landed", { "allow-oom" }, function(tree, m, e, ...)
    local it = end_of(tree, e)
    if it and is_whole(m) then landed(it, m, { ... }) end
    return { "ok" }
  end)

  -- pipe_unget e take… → ok. What was taken and not wanted goes back to the head, in its order.
  step("pipe_unget", { "allow-oom" }, function(call, e, ...)
    local it, takes, objects = end_of(call.tree, e), { ... }, {}
    if not it then return { "no", "gone" } end
    for i = #takes, 1, -1 do
      if is_whole(takes[i]) and unmark(it, mark_of(call.member, takes[i])) then
        local record = untake(it, takes[i])
        put_back(it, record)
        objects[#objects + 1] = objects_of(record)
      end
    end
    serve(it)
    release_all(call.tree, call.member, table.concat(objects, " "))
    return { "ok" }
  end)

  -- What a dead member was given and had not received: from the newest on, so that the oldest is the first in the end.
  local function bury(tree, e, m)
    local it = end_of(tree, e)
    if not it then return end
    local marks = redis.call("ZREVRANGEBYLEX", it.key .. ":k", "(" .. m .. ";", "[" .. m .. ":", "LIMIT", 0, PORTION)
    for _, mark in ipairs(marks) do
      unmark(it, mark)
      local record = untake(it, text(tonumber(mark:match(":(%d+)$"))))
      if record then put_back(it, record) end
    end
    serve(it)
    if #marks == PORTION then return true end
    redis.call("SREM", it.key .. ":d", m)
  end

  local function cancel(tree, e, waiter)
    local it = end_of(tree, e)
    if not it then return end
    for _, list in ipairs({ ":g", ":s", ":p" }) do redis.call("LREM", it.key .. list, 1, waiter) end
    local record = redis.call("HGET", it.key .. ":pk", waiter)
    if not record then return end
    redis.call("HDEL", it.key .. ":pk", waiter)
    local to = peer_of(it)
    if to then serve(to) end -- what came behind it may be smaller
    if to then drop_pieces(to, record) end
    unhold_all(tree, objects_of(record))
  end

  -- Takes out all that is parked at an end; the objects that it speaks of, to be let go in the end.
  local function unpark(it, to, outcome)
    local objects = {}
    for _, record in ipairs(redis.call("HVALS", it.key .. ":pk")) do
      if to then drop_pieces(to, record) end
      objects[#objects + 1] = objects_of(record)
    end
    redis.call("DEL", it.key .. ":pk")
    tell_all(it, ":p", outcome)
    return table.concat(objects, " ")
  end

  local function destroy(tree, e)
    local it = end_of(tree, e)
    local to = peer_of(it)
    for _, m in ipairs(redis.call("SMEMBERS", it.key .. ":d")) do redis.call("SREM", tree .. "takes:" .. m, e) end
    tell_all(it, ":g", { "no", "gone" })
    tell_all(it, ":s", { "no", "gone" })
    local objects = { unpark(it, to, { "no", "gone" }) }
    for _, record in ipairs(redis.call("LRANGE", it.key .. ":r", 0, -1)) do objects[#objects + 1] = objects_of(record) end
    for _, record in ipairs(redis.call("HVALS", it.key .. ":t")) do objects[#objects + 1] = objects_of(record) end
    redis.call("DEL", it.key .. ":r", it.key .. ":t")
    if to then
      redis.call("HSET", to.key, "peer", "0")
      tell_all(to, ":g", { "no", "eof" })
      tell_all(to, ":s", { "ok", "1" })
      objects[#objects + 1] = unpark(to, nil, { "no", "broken" })
    end
    unhold_all(tree, table.concat(objects, " "))
  end

  kinds.connection = {
    check = function(_, way)
      if way ~= "both" and way ~= "one" then return "malformed" end
    end,
    -- way → the other end. Of one way, the first end receives and the second one sends.
    make = function(call, first, way)
      local tree, second = call.tree, text(redis.call("INCR", call.tree .. "objects"))
      local both = way == "both" and "1" or "0"
      redis.call("HSET", key_of(tree, first), "peer", second, "sends", both, "receives", "1")
      redis.call("HSET", key_of(tree, second), "kind", "connection", "name", "", "peer", first, "sends", "1", "receives", both)
      redis.call("SADD", tree .. "all", second)
      adopt(tree, call.member, second)
      return { second }
    end,
    cancel = cancel,
    bury = bury,
    destroy = destroy,
    keys = { ":r", ":b", ":t", ":k", ":d", ":g", ":s", ":p", ":pk" },
  }
end
