-- Processes that run on any host: each is an object of the member that made it, from before its start until it is closed.
--
-- | field of o:<o>           | what |
-- | ------------------------ | ---- |
-- | parent, daemon, identity | who made it; whether it ends with that; the numbers of its default name |
-- | state                    | see below |
-- | waiter                   | who waits for a place, or for the start |
-- | reservation, agent, host | its place: one slot of a host |
-- | objects                  | those that its arguments speak of, until it has them itself |
-- | member, pid              | what it is in the tree, and to its host |
-- | exit, lost, failure      | how it ended; 1 if its host was lost; why it could not begin its work |
--
-- | list | what |
-- | ---- | ---- |
-- | :j   | those that wait for its end |
-- | :p   | waiters of the process itself that wait for the end of its maker |
--
-- | state    | step                   | goes on to |
-- | -------- | ---------------------- | ---------- |
-- | new      | place                  | placed, or queued where no slot is free |
-- | queued   | a slot is freed        | placed |
-- | placed   | launch                 | launched |
-- | launched | started, by its agent  | running |
-- | launched | refused, by its agent  | ended |
-- | launched | place, its host being lost or drained | placed, queued |
-- | any      | the burial of a member | ended |
--
-- If its maker dies, the object goes, and the process, unless it is a daemon, goes on.

kinds.process = { keys = { ":j", ":p" } }

function kinds.process.check(_, daemon, identity)
  if not daemon or not identity then return "malformed" end
end

function kinds.process.make(call, o, daemon, identity)
  redis.call("HSET", key_of(call.tree, o), "parent", call.member, "daemon", daemon, "identity", identity, "state", "new")
end

function kinds.process.cancel(tree, o, waiter)
  local fields = redis.call("HMGET", key_of(tree, o), "waiter", "state", "member", "reservation")
  if fields[1] == waiter then
    redis.call("HDEL", key_of(tree, o), "waiter")
    if fields[2] == "queued" then members.unplace(tree, o, waiter) end
    -- Its agent has not even taken it in time: others are asked first, until that is heard again. What a member that is
    -- buried waited for says nothing of the agent.
    if fields[2] == "launched" and not fields[3] and members.lives(tree, (parts_of(waiter))) then
      members.suspect_of(tree, fields[4])
    end
  end
  redis.call("LREM", key_of(tree, o) .. ":j", 1, waiter)
  redis.call("LREM", key_of(tree, o) .. ":p", 1, waiter)
end

-- What was launched and is not accepted yet, the agent finds gone.
function kinds.process.destroy(tree, o)
  local fields = redis.call("HMGET", key_of(tree, o), "reservation", "member", "objects", "state", "waiter")
  if fields[4] == "queued" and fields[5] then members.unplace(tree, o, fields[5]) end
  processes.tell_starter(tree, o, { "no", "gone" })
  for _, waiter in ipairs(redis.call("LRANGE", key_of(tree, o) .. ":j", 0, -1)) do
    answer(tree, o, waiter, { "no", "gone" })
  end
  if fields[1] and not fields[2] then members.free_slot(tree, fields[1]) end
  if fields[3] then unhold_all(tree, fields[3]) end
  for _, waiter in ipairs(redis.call("LRANGE", key_of(tree, o) .. ":p", 0, -1)) do answer(tree, o, waiter, { "ok" }) end
end

-- Tells who waits for a place or the start; whether somebody did.
function processes.tell_starter(tree, o, outcome)
  local waiter = redis.call("HGET", key_of(tree, o), "waiter")
  if not waiter then return false end
  redis.call("HDEL", key_of(tree, o), "waiter")
  answer(tree, o, waiter, outcome)
  return true
end

-- Its launch came too late for its slot: whoever starts it finds another place, unless that has been done.
function processes.late(tree, o, reservation)
  local it = redis.call("HMGET", key_of(tree, o), "state", "reservation")
  if it[1] == "launched" and it[2] == reservation then processes.tell_starter(tree, o, { "no", "lost" }) end
end

-- Its member is in the tree: what its arguments speak of is its own from now on.
function processes.accepted(tree, o, m)
  local objects = redis.call("HGET", key_of(tree, o), "objects")
  if not objects then return end
  adopt_all(tree, m, objects)
  unhold_all(tree, objects)
  redis.call("HDEL", key_of(tree, o), "objects")
end

-- Its member was buried.
function processes.ended(tree, m, code, lost, failure)
  local o = redis.call("HGET", tree .. "p:" .. m, "o")
  if not o or not is_a(tree, o, "process") then return end
  local key = key_of(tree, o)
  redis.call("HSET", key, "state", "ended", "exit", code, "lost", lost, "failure", failure)
  processes.tell_starter(tree, o, { "no", "ended", code, lost, failure })
  for _, waiter in ipairs(redis.call("LRANGE", key .. ":j", 0, -1)) do
    answer(tree, o, waiter, { "ok", code, lost, failure })
  end
  redis.call("DEL", key .. ":j")
  local parent = redis.call("HGET", key, "parent")
  if members.lives(tree, parent) then tell(tree, parent, "exit", o, code, lost, failure) end
end

-- place o reservation version labels → ok agent host id | later | no <why there is no place> …
step("place", {}, function(call, o, reservation, version, labels)
  if not is_a(call.tree, o, "process") then return { "no", "gone" } end
  local key = key_of(call.tree, o)
  local before = redis.call("HMGET", key, "state", "member", "reservation")
  if before[1] == "running" or before[1] == "ended" or before[2] then return { "no", "state" } end
  if before[3] and before[3] ~= reservation then members.free_slot(call.tree, before[3]) end
  local placed = { members.place(call.tree, o, call.waiter, reservation, version, labels) }
  if placed[1] then
    redis.call("HSET", key, "state", "placed", "reservation", reservation)
    return { "ok", placed[1], placed[2], placed[3] or "" }
  end
  if placed[2] ~= "full" then return { "no", unpack(placed, 2) } end
  redis.call("HSET", key, "state", "queued", "reservation", reservation, "waiter", call.waiter)
  return later(call, o)
end)

-- launch o agent objects body signature → later: what the agent says of it.
step("launch", {}, function(call, o, agent, objects, body, signature)
  if not is_a(call.tree, o, "process") then return { "no", "gone" } end
  local gone = missing(call.tree, objects)
  if gone then return { "no", "gone", gone } end
  local key = key_of(call.tree, o)
  local reservation = redis.call("HGET", key, "reservation")
  local id = call.tree:match("{([^}]*)}:$")
  if not members.tell_agent(call.tree, agent, "launch", id, o, reservation, body, signature) then return { "no", "lost" } end
  if not redis.call("HGET", key, "objects") then hold_all(call.tree, objects) end
  redis.call("HSET", key, "state", "launched", "agent", agent, "objects", objects, "waiter", call.waiter)
  return later(call, o)
end)

-- started o m pid → ok | no gone: nobody wants it any more. By the agent.
step("started", { "allow-oom" }, function(call, o, m, pid)
  if not is_a(call.tree, o, "process") then return { "no", "gone" } end
  if redis.call("HGET", key_of(call.tree, o), "member") ~= m then return { "no", "gone" } end
  redis.call("HSET", key_of(call.tree, o), "state", "running", "pid", pid)
  if not processes.tell_starter(call.tree, o, { "ok", m, pid }) then return { "no", "gone" } end
  redis.call("HSET", call.tree .. "p:" .. m, "pid", pid)
  return { "ok" }
end)

-- refused o why → ok. By the agent, which does not start it, and has no member for it.
step("refused", { "allow-oom" }, function(call, o, why)
  if not is_a(call.tree, o, "process") then return { "ok" } end
  redis.call("HSET", key_of(call.tree, o), "state", "ended")
  processes.tell_starter(call.tree, o, { "no", "refused", why })
  local reservation = redis.call("HGET", key_of(call.tree, o), "reservation")
  if reservation and not redis.call("HGET", key_of(call.tree, o), "member") then members.free_slot(call.tree, reservation) end
  return { "ok" }
end)

-- word o signal → ok. A signal for a process that has ended is nobody's.
step("word", { "allow-oom" }, function(call, o, signal)
  if not is_a(call.tree, o, "process") then return { "no", "gone" } end
  local m = redis.call("HGET", key_of(call.tree, o), "member")
  if not m or not members.lives(call.tree, m) then return { "ok" } end
  tell(call.tree, redis.call("HGET", call.tree .. "p:" .. m, "voucher"), "signal", m, signal)
  return { "ok" }
end)

-- join o mode → ok code lost failure | ok | later. Mode 0 does not wait.
step("join", { "allow-oom" }, function(call, o, mode)
  if not is_a(call.tree, o, "process") then return { "no", "gone" } end
  local key = key_of(call.tree, o)
  local ended = redis.call("HMGET", key, "exit", "lost", "failure")
  if ended[1] then return { "ok", unpack(ended) } end
  if mode == "0" then return { "ok" } end
  redis.call("RPUSH", key .. ":j", call.waiter)
  return later(call, o)
end)

-- orphaned o → later | ok: its maker has ended. By the process itself.
step("orphaned", { "allow-oom" }, function(call, o)
  if not is_a(call.tree, o, "process") then return { "ok" } end
  redis.call("RPUSH", key_of(call.tree, o) .. ":p", call.waiter)
  return later(call, o)
end)

-- poll o → ok | ok code lost failure: how it has ended, if it has.
look("poll", { "no-writes" }, function(tree, o)
  if not is_a(tree, o, "process") then return { "no", "gone" } end
  local ended = redis.call("HMGET", key_of(tree, o), "exit", "lost", "failure")
  if ended[1] then return { "ok", unpack(ended) } end
  return { "ok" }
end)

-- slots → ok hosts slots last: what there is, for who has found no place.
look("slots", { "no-writes" }, function(tree)
  local summary = members.summary(tree)
  return { "ok", text(summary.hosts), text(summary.slots), summary.last }
end)
