-- Barrier.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | `parties`, `count` (arrived in this round), `round`, `state` (0 filling, 1 the last one runs the action, |
-- |         | −1 broken), `runner` (the member that runs it), `culprit` (whose death broke it, packed), `lost` (a party |
-- |         | that has died between two waits, packed) |
-- | o:<o>:w | the line of those who have arrived in this round |
-- | o:<o>:i | hash: as what number each of them arrived |
-- | o:<o>:e | the line of those who came too early: while the action of a full round runs; o:<o>:a: whether they have one |
-- | o:<o>:k | hash: each member that is known as a party, and with how many it came at most in one round, packed |
--
-- | transition  | from → to                                   | step                                            |
-- | ----------- | ------------------------------------------- | ----------------------------------------------- |
-- | B1 arrive   | filling, k → filling, k + 1                 | arrive; who came early, once the round begins   |
-- | B2 complete | filling, n − 1 → action, n                  | the last one's arrive, if there is an action    |
-- | B3 open     | filling, n − 1, or action → filling, 0, round + 1; all who wait pass | the last one's arrive; open |
-- | B4 break    | filling or action → broken; all who wait know | abort, cancel of who has arrived, B6, B7      |
-- | B5 reset    | any → filling, 0, round + 1; all who wait are told that it is broken | reset                    |
-- | B6 die      | who has arrived, or runs the action, is buried → B4 | burial                                  |
-- | B7 despair  | filling, somebody waits, a known party has died, and the others are too few → B4 | burial, arrive, let_go |
--
-- I1. The line has `count` waiters while it is filling, `parties` − 1 during the action, else nobody.
-- I2. Who is early has not arrived: its burial or time-out harms nobody.
-- I3. `holds:<m>` of each known member has the barrier, so that its burial is told here (B6, B7).
--
-- The others are too few if those that are known and live cannot fill the round, and nobody else may come: no member
-- has the barrier that is neither known nor has handed it on to a known one, and no message has it.

do
  local KINDS = { barrier = true }

  local function look_at(tree, o)
    local it = fields_of(tree, o, KINDS, "parties", "count", "round", "state", "runner", "culprit", "lost")
    return it and {
      parties = tonumber(it[2]), count = tonumber(it[3]), round = it[4], state = it[5],
      runner = it[6], culprit = it[7], lost = it[8],
    }
  end

  local function broken(culprit)
    return joined({ "no", "broken" }, culprit and cmsgpack.unpack(culprit) or NOBODY)
  end

  -- B4.
  local function break_for(tree, o, culprit)
    local key = key_of(tree, o)
    redis.call("HSET", key, "state", "-1", "count", "0")
    redis.call("HDEL", key, "runner", "lost", "culprit")
    if culprit then redis.call("HSET", key, "culprit", culprit) end
    redis.call("DEL", key .. ":i")
    line.answer_all(tree, o, ":w", broken(culprit))
    line.answer_all(tree, o, ":e", broken(culprit))
  end

  -- Notes that a member is a party.
  local function know(tree, o, member, round)
    local known = redis.call("HGET", key_of(tree, o) .. ":k", member)
    local last, count, most = "", 0, 0
    if known then last, count, most = unpack(cmsgpack.unpack(known)) end
    count = last == round and count + 1 or 1
    redis.call("HSET", key_of(tree, o) .. ":k", member, cmsgpack.pack({ round, count, math.max(count, most) }))
    redis.call("SADD", tree .. "holds:" .. member, o)
  end

  -- Whether somebody has the barrier that is not known, and has not handed it on to one that is.
  local function may_others_come(tree, o, known)
    local counted = {}
    for member in pairs(known) do
      local it = member
      while it and it ~= "0" and not counted[it] do
        counted[it] = true
        it = redis.call("HGET", tree .. "p:" .. it, "parent")
      end
    end
    local others = tonumber(redis.call("GET", tree .. "refs:" .. o) or "0")
    for member in pairs(counted) do
      -- One that is being buried gives it up soon, which is told here (let_go).
      if lives(tree, member) and redis.call("HEXISTS", tree .. "has:" .. member, o) == 1 then others = others - 1 end
    end
    return others > 0
  end

  -- B7.
  local function judge(tree, o)
    local it = look_at(tree, o)
    if not it or not it.lost or it.state ~= "0" or it.count == 0 then return end
    local known, hope = {}, 0
    local all = redis.call("HGETALL", key_of(tree, o) .. ":k")
    for i = 1, #all, 2 do
      local _, _, most = unpack(cmsgpack.unpack(all[i + 1]))
      known[all[i]] = true
      hope = hope + most
    end
    if hope < it.parties and not may_others_come(tree, o, known) then break_for(tree, o, it.lost) end
  end

  local admit

  -- B3.
  local function open(tree, o, round)
    local key = key_of(tree, o)
    redis.call("HSET", key, "state", "0", "count", "0", "round", text(tonumber(round) + 1))
    redis.call("HDEL", key, "runner", "lost")
    local waiter = line.next(tree, o, ":w")
    while waiter do
      answer(tree, o, waiter, { "ok", redis.call("HGET", key .. ":i", waiter), "passed" })
      waiter = line.next(tree, o, ":w")
    end
    redis.call("DEL", key .. ":i")
  end

  -- B1 to B3 of a waiter; what became of it, nil if it waits.
  local function arrive(tree, o, it, waiter, has_action)
    local key, index = key_of(tree, o), text(it.count)
    local member = parts_of(waiter)
    know(tree, o, member, it.round)
    if it.count + 1 < it.parties then
      redis.call("HSET", key, "count", text(it.count + 1))
      redis.call("HSET", key .. ":i", waiter, index)
      line.join(tree, o, ":w", waiter)
      return nil
    end
    if has_action then
      redis.call("HSET", key, "state", "1", "count", text(it.parties), "runner", member)
      return { "ok", index, "run", it.round }
    end
    open(tree, o, it.round)
    return { "ok", index, "passed" }
  end

  -- B1 of those who came early, until an action runs again or nobody is left.
  function admit(tree, o)
    while true do
      local it = look_at(tree, o)
      if it.state ~= "0" then return end
      local waiter = line.next(tree, o, ":e")
      if not waiter then return end
      local has_action = redis.call("HGET", key_of(tree, o) .. ":a", waiter) == "1"
      redis.call("HDEL", key_of(tree, o) .. ":a", waiter)
      local outcome = arrive(tree, o, it, waiter, has_action)
      if outcome then answer(tree, o, waiter, outcome) end
    end
  end

  -- barrier_wait o action → ok index passed | ok index run round | later | no broken pid name how host | no gone. Whoever
  -- is told to run the action then says barrier_open or barrier_abort with that round.
  step("barrier_wait", { "allow-oom" }, function(call, o, action)
    local it = look_at(call.tree, o)
    if not it or (action ~= "0" and action ~= "1") then return { "no", "gone" } end
    if it.state == "-1" then return broken(it.culprit) end
    if it.state == "1" then
      redis.call("HSET", key_of(call.tree, o) .. ":a", call.waiter, action)
      line.join(call.tree, o, ":e", call.waiter)
      return later(call, o)
    end
    local outcome = arrive(call.tree, o, it, call.waiter, action == "1")
    if outcome then return outcome end
    local waits = later(call, o)
    if it.lost then judge(call.tree, o) end
    return waits
  end)

  -- Whether the caller runs the action of that round.
  local function runs(call, it, round)
    return it.state == "1" and it.runner == call.member and it.round == round
  end

  -- barrier_open o round → ok | no broken pid name how host | no gone
  step("barrier_open", { "allow-oom" }, function(call, o, round)
    local it = look_at(call.tree, o)
    if not it then return { "no", "gone" } end
    if not runs(call, it, round) then return broken(it.culprit) end
    open(call.tree, o, it.round)
    admit(call.tree, o)
    return { "ok" }
  end)

  -- barrier_abort o [round] → ok | no gone: breaks it; with a round, only if the caller runs its action.
  step("barrier_abort", { "allow-oom" }, function(call, o, round)
    local it = look_at(call.tree, o)
    if not it then return { "no", "gone" } end
    if it.state ~= "-1" and (not round or runs(call, it, round)) then break_for(call.tree, o) end
    return { "ok" }
  end)

  local function forget_all(tree, o)
    for _, member in ipairs(redis.call("HKEYS", key_of(tree, o) .. ":k")) do
      redis.call("SREM", tree .. "holds:" .. member, o)
    end
    redis.call("DEL", key_of(tree, o) .. ":k")
  end

  -- barrier_reset o → ok | no gone
  step("barrier_reset", { "allow-oom" }, function(call, o)
    local it = look_at(call.tree, o)
    if not it then return { "no", "gone" } end
    local key = key_of(call.tree, o)
    line.answer_all(call.tree, o, ":w", broken())
    redis.call("DEL", key .. ":i")
    forget_all(call.tree, o)
    redis.call("HSET", key, "state", "0", "count", "0", "round", text(tonumber(it.round) + 1))
    redis.call("HDEL", key, "runner", "culprit", "lost")
    admit(call.tree, o)
    return { "ok" }
  end)

  -- barrier_look o → ok parties waiting broken | no gone
  step("barrier_look", { "allow-oom" }, function(call, o)
    local it = look_at(call.tree, o)
    if not it then return { "no", "gone" } end
    return { "ok", text(it.parties), text(it.state == "0" and it.count or 0), it.state == "-1" and "1" or "0" }
  end)

  local kind = { keys = { ":w", ":i", ":e", ":a", ":k" } }

  -- make barrier name parties
  function kind.check(_, parties)
    if not is_whole(parties) or tonumber(parties) < 1 then return "malformed" end
  end

  function kind.make(call, o, parties)
    redis.call("HSET", key_of(call.tree, o), "parties", parties, "count", "0", "round", "0", "state", "0")
  end

  -- Who has arrived breaks it, whether its time is up or it is buried (B6).
  function kind.cancel(tree, o, waiter, how)
    redis.call("HDEL", key_of(tree, o) .. ":a", waiter)
    if line.leave(tree, o, ":e", waiter) or not line.leave(tree, o, ":w", waiter) then return false end
    local member = parts_of(waiter)
    break_for(tree, o, how and cmsgpack.pack(obituary(tree, member, how)))
    return false
  end

  function kind.bury(tree, o, member, how)
    local it = look_at(tree, o)
    if not it then return end
    redis.call("HDEL", key_of(tree, o) .. ":k", member)
    local died = cmsgpack.pack(obituary(tree, member, how))
    if it.state == "1" and it.runner == member then return break_for(tree, o, died) end
    if it.state == "-1" then return end
    redis.call("HSET", key_of(tree, o), "lost", died)
    judge(tree, o)
  end

  -- A member has it no more, so there may be no hope.
  function kind.let_go(tree, o)
    judge(tree, o)
  end

  function kind.destroy(tree, o)
    line.answer_all(tree, o, ":w", { "no", "gone" })
    line.answer_all(tree, o, ":e", { "no", "gone" })
    forget_all(tree, o)
  end

  kinds.barrier = kind
end
