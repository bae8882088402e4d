-- JoinableQueue: what was taken and is not dealt with; and for all queues, what follows when somebody is gone.
-- The table of a record's states is in records.lua.

do
  local state, objects_of, forget, forget_all = queues.state, queues.objects_of, queues.forget, queues.forget_all
  local unmark, untake, answer_all, serve = queues.unmark, queues.untake, queues.answer_all, queues.serve
  local is_alone, wait_in, deal, abandoned = queues.is_alone, queues.wait_in, queues.deal, queues.abandoned
  local emptied, drop_pieces, retake, give_back = queues.emptied, queues.drop_pieces, queues.retake, queues.give_back
  local PORTION = 100
  local POLICIES = { lose = true, redeliver = true, throw = true }

  -- The oldest take of a member.
  local function oldest(q, m)
    return redis.call("ZRANGEBYLEX", q.key .. ":k", "[" .. m .. ":", "(" .. m .. ";", "LIMIT", 0, 1)[1]
  end

  local function oldest_of_all(q)
    local found, at
    for _, m in ipairs(redis.call("SMEMBERS", q.key .. ":d")) do
      local mark = oldest(q, m)
      local t = mark and tonumber(mark:match(":(%d+)$"))
      if t and (not at or t < at) then found, at = mark, t end
    end
    return found
  end

  -- taskDone o → ok | no many | no gone. One that this member has, else one that nobody has any more, else the oldest.
  step("taskDone", { "allow-oom" }, function(call, o)
    local q = state(call.tree, o)
    if not q or not q.counts then return { "no", "gone" } end
    if tonumber(redis.call("HGET", q.key, "unfinished") or "0") <= 0 then return { "no", "many" } end
    local mark = oldest(q, call.member)
    if not mark then
      if tonumber(redis.call("HGET", q.key, "abandoned") or "0") > 0 then
        redis.call("HINCRBY", q.key, "abandoned", -1)
      else
        mark = oldest_of_all(q)
      end
    end
    local record
    if mark then
      unmark(q, mark)
      record = untake(q, text(tonumber(mark:match(":(%d+)$"))))
    end
    deal(q, 1)
    if record then forget(q, record) end
    return { "ok" }
  end)

  -- joinTasks o mode → ok | no late | no abandoned count pid name how host | no gone | no deserted |
  -- no alone | later
  step("joinTasks", { "allow-oom" }, function(call, o, mode)
    local q = state(call.tree, o)
    if not q or not q.counts then return { "no", "gone" } end
    if tonumber(redis.call("HGET", q.key, "unfinished") or "0") <= 0 then return { "ok" } end
    local never = abandoned(q)
    if never then return never end
    if mode == "0" then return { "no", "late" } end
    return wait_in(call, q, ":j", mode)
  end)

  -- The number of the take that a mark is of; without a mark, less than any.
  local function number_in(mark)
    return mark and tonumber(mark:match(":(%d+)$")) or 0
  end

  -- What a dead member had: from the newest on, so that the oldest is the first in the end.
  local function bury(tree, o, m, how)
    local q = state(tree, o)
    if not q then return end
    local left, dealt, done = 0, 0, 0
    local begin, stop = "(" .. m .. ";", "[" .. m .. ":"
    local marks = redis.call("ZREVRANGEBYLEX", q.key .. ":k", begin, stop, "LIMIT", 0, PORTION)
    local bundles = queues.bundles_of(q, m, PORTION)
    local function take_back(record)
      if record and give_back(q, record) then return end
      if record or q.policy ~= "lose" then left = left + 1 else dealt = dealt + 1 end
    end
    local i, k = 1, 1
    while done < PORTION and (marks[i] or bundles[k]) do
      local one, many = number_in(marks[i]), number_in(bundles[k])
      if one > many then
        unmark(q, marks[i])
        take_back(untake(q, text(one)))
        i, done = i + 1, done + 1
      else
        local had = queues.burst(q, m, many)
        for at = #had, 1, -1 do take_back(had[at]) end
        k, done = k + 1, done + #had
      end
    end
    for _, mark in ipairs(redis.call("ZREVRANGEBYLEX", q.key .. ":k", "(L" .. m .. ";", "[L" .. m .. ":")) do
      unmark(q, mark)
      redis.call("LPUSH", q.key .. ":lost", untake(q, text(tonumber(mark:match(":(%d+)$")))))
    end
    if q.counts then
      if left > 0 then
        local it = who(tree, m)
        redis.call("HINCRBY", q.key, "abandoned", left)
        redis.call("HSET", q.key, "died", bytes_of({ it.pid, it.name, how, it.host }))
        answer_all(q, ":j", abandoned(q))
      end
      deal(q, dealt)
    end
    serve(q)
    if done >= PORTION then return true end
    redis.call("SREM", q.key .. ":d", m)
  end

  -- What a lane of a dead member was given last.
  function members.on_lane_end(tree, m, lane)
    if lane == "0" then return end
    local _, took = ledger.last(tree, m, lane)
    local o, number = (took or ""):match("^(%d+):(%d+)$")
    local q = number and state(tree, o)
    local record = q and retake(q, m, lane, number)
    if not record then return end
    give_back(q, record)
    serve(q)
  end

  local function cancel(tree, o, waiter)
    local q = state(tree, o)
    if not q then return end
    if queues.is_place(waiter) then
      queues.abandon(q, waiter) -- what was kept for it goes back with all that its member had
      return
    end
    for _, list in ipairs({ ":g", ":p", ":j" }) do
      for _, mark in ipairs({ "", "!", "?" }) do redis.call("LREM", q.key .. list, 1, mark .. waiter) end
    end
    local record = redis.call("HGET", q.key .. ":pk", waiter)
    if not record then return end
    redis.call("HDEL", q.key .. ":pk", waiter)
    forget(q, record)
  end

  -- Where one member is left, those of its threads that do nothing but wait would do so for ever; and its promises, unless
  -- it has something else to do.
  local function let_go(tree, o)
    local q = state(tree, o)
    if not q or not is_alone(q) then return end
    local records = {}
    for _, list in ipairs({ ":g", ":p", ":j" }) do
      for _, waiter in ipairs(redis.call("LRANGE", q.key .. list, 0, -1)) do
        local mark, bare = waiter:match("^([!?])(.*)$")
        if mark then
          redis.call("LREM", q.key .. list, 1, waiter)
          local record = list == ":p" and redis.call("HGET", q.key .. ":pk", bare)
          if record then
            redis.call("HDEL", q.key .. ":pk", bare)
            drop_pieces(q, record)
            records[#records + 1] = objects_of(record)
          end
          answer(tree, o, bare, { "no", mark == "!" and "deserted" or "alone" })
        end
      end
    end
    for _, objects in ipairs(records) do unhold_all(tree, objects) end
  end

  local function destroy(tree, o)
    local q = state(tree, o)
    for _, list in ipairs({ ":g", ":p", ":j" }) do answer_all(q, list, { "no", "gone" }) end
    queues.forget_places(q)
    for _, m in ipairs(redis.call("SMEMBERS", q.key .. ":d")) do redis.call("SREM", tree .. "takes:" .. m, o) end
    local records = {}
    for _, list in ipairs({ emptied(q, ":r"), emptied(q, ":lost") }) do
      for _, record in ipairs(list) do records[#records + 1] = record end
    end
    for _, hash in ipairs({ ":t", ":pk" }) do
      for _, record in ipairs(redis.call("HVALS", q.key .. hash)) do records[#records + 1] = record end
      redis.call("DEL", q.key .. hash)
    end
    for _, record in ipairs(records) do unhold_all(tree, objects_of(record)) end
  end

  local function check(counts)
    return function(_, max, policy, most)
      local is_max = max and max:match("^%d+$") and #max < 11
      local is_most = most and most:match("^%d+$") and tonumber(most) >= 1 and tonumber(most) <= 255
      if not (is_max and is_most and POLICIES[policy]) or (policy == "throw" and not counts) then return "malformed" end
    end
  end

  local function make(call, o, max, policy, most)
    redis.call("HSET", key_of(call.tree, o), "max", max, "policy", policy, "most", most)
  end

  local function kind(counts)
    return {
      check = check(counts), make = make, cancel = cancel, bury = bury, let_go = let_go, destroy = destroy,
      keys = { ":r", ":b", ":t", ":u", ":k", ":d", ":g", ":p", ":j", ":pk", ":h", ":lost" },
    }
  end

  kinds.queue = kind(false)
  kinds.joinable = kind(true)
end
