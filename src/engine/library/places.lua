-- Places: gets of one turn of a program travel as one step, and those for which there is no record stand in the line from
-- that step on, before each of them has a step of its own to wait with. So nothing that its thread does later, and nobody
-- who comes later, overtakes them.
--
-- | key    | what |
-- | ------ | ---- |
-- | o:<q>:h | hash: by place, `=<m>/<lane>#<number of the step>`, how many of its gets have no step yet, and the takes kept for it |
-- | o:<q>:g | has the place once for each of them that has no record yet |
--
-- | a get of a place is | by | becomes |
-- | ------------------- | -- | ------- |
-- | in the line         | a record | kept: taken by its member |
-- | in the line         | claim | a waiter like others, where it stands |
-- | kept                | claim | answered |
-- | any                 | unget of the place; burial of its member | gone; what was kept goes back |
--
-- A place stands in `waits:<m>` as a waiter does, until its last get was claimed.

do
  local take_all = queues.take_all

  local function forget(q, place)
    local m = place:match("^=(%d+)/")
    redis.call("HDEL", q.key .. ":h", place)
    redis.call("SREM", q.tree .. "waits:" .. m, q.o .. "|" .. place)
  end

  -- Puts so many gets of a step into the line; gives how the step calls the place.
  function queues.reserve(q, call, count)
    if count > 0 then
      local place, entries = "=" .. call.waiter, {}
      for i = 1, count do entries[i] = place end
      redis.call("RPUSH", q.key .. ":g", unpack(entries))
      redis.call("HSET", q.key, "asked", "1")
      redis.call("HSET", q.key .. ":h", place, text(count))
      redis.call("SADD", q.tree .. "waits:" .. call.member, q.o .. "|" .. place)
      q.asked = "1"
    end
    return "=" .. call.number
  end

  function queues.is_place(waiter)
    return waiter:sub(1, 1) == "="
  end

  -- Takes a record for a place.
  function queues.keep(q, place, record)
    local t = take_all(q, place:match("^=(%d+)/"), { record })
    redis.call("HSET", q.key .. ":h", place, redis.call("HGET", q.key .. ":h", place) .. " " .. text(t))
  end

  -- The next get of a place has a step now. Gives the take that was kept for it; else nothing, and where in the line it
  -- stands, if it does.
  function queues.claimed(q, call, number)
    local place = "=" .. call.member .. "/" .. call.lane .. "#" .. number
    local left, takes = (redis.call("HGET", q.key .. ":h", place) or ""):match("^(%d+)(.*)$")
    if not left then return nil end
    local t, others = takes:match("^ (%d+)(.*)$")
    local at = not t and redis.call("LPOS", q.key .. ":g", place) or nil
    if left == "1" then
      forget(q, place)
    else
      redis.call("HSET", q.key .. ":h", place, text(tonumber(left) - 1) .. (others or ""))
    end
    return t, at
  end

  -- A place is given up; the takes that were kept for it.
  function queues.abandon(q, place)
    local takes = redis.call("HGET", q.key .. ":h", place)
    if not takes then return {} end
    redis.call("LREM", q.key .. ":g", 0, place)
    forget(q, place)
    local kept = {}
    for t in takes:gmatch(" (%d+)") do kept[#kept + 1] = t end
    return kept
  end

  -- All places of a queue that is no more.
  function queues.forget_places(q)
    for _, place in ipairs(redis.call("HKEYS", q.key .. ":h")) do forget(q, place) end
  end
end
