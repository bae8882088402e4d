-- Semaphore and BoundedSemaphore.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | `value`, `max` |
-- | o:<o>:w | the line of those who wait for it |
--
-- | transition | from → to                                   | step          |
-- | ---------- | ------------------------------------------- | ------------- |
-- | T1 take    | value > 0 → value − 1                       | acquire, try  |
-- | T2 wait    | value 0 → one more in the line              | acquire       |
-- | T3 release | value + n ≤ max → the first n in the line have it; the value has what is left of n | release |
--
-- I1. A value above 0 has nobody who lives in its line.
-- I2. Nobody owns what was taken: the permits of the dead stay taken. Who is buried while it waits leaves the line.

do
  local KINDS = { semaphore = true }
  local MOST = 2147483647

  local function attempt(call, o, value)
    if tonumber(value) == 0 then return nil end
    redis.call("HINCRBY", key_of(call.tree, o), "value", -1)
    return { "ok" }
  end

  -- semaphore_acquire o → ok | later | no gone
  step("semaphore_acquire", { "allow-oom" }, function(call, o)
    local it = fields_of(call.tree, o, KINDS, "value")
    if not it then return { "no", "gone" } end
    local outcome = attempt(call, o, it[2])
    if outcome then return outcome end
    line.join(call.tree, o, ":w", call.waiter)
    return later(call, o)
  end)

  -- semaphore_try o → ok | no taken | no gone
  step("semaphore_try", { "allow-oom" }, function(call, o)
    local it = fields_of(call.tree, o, KINDS, "value")
    if not it then return { "no", "gone" } end
    return attempt(call, o, it[2]) or { "no", "taken" }
  end)

  -- semaphore_release o n → ok | no full value max | no gone
  step("semaphore_release", { "allow-oom" }, function(call, o, n)
    local it = fields_of(call.tree, o, KINDS, "value", "max")
    if not it or not is_whole(n) then return { "no", "gone" } end
    local left = tonumber(n)
    if tonumber(it[2]) + left > tonumber(it[3]) then return { "no", "full", it[2], it[3] } end
    while left > 0 do
      local waiter = line.next(call.tree, o, ":w")
      if not waiter then break end
      answer(call.tree, o, waiter, { "ok" })
      left = left - 1
    end
    if left > 0 then redis.call("HINCRBY", key_of(call.tree, o), "value", text(left)) end
    return { "ok" }
  end)

  -- semaphore_look o → ok value max | no gone
  step("semaphore_look", { "allow-oom" }, function(call, o)
    local it = fields_of(call.tree, o, KINDS, "value", "max")
    if not it then return { "no", "gone" } end
    return { "ok", it[2], it[3] }
  end)

  local kind = { keys = { ":w" } }

  -- make semaphore name value max
  function kind.check(_, value, max)
    local are_whole = is_whole(value) and is_whole(max)
    if not are_whole or tonumber(value) > tonumber(max) or tonumber(max) > MOST then return "malformed" end
  end

  function kind.make(call, o, value, max)
    redis.call("HSET", key_of(call.tree, o), "value", value, "max", max)
  end

  function kind.cancel(tree, o, waiter)
    line.leave(tree, o, ":w", waiter)
  end

  function kind.destroy(tree, o)
    line.answer_all(tree, o, ":w", { "no", "gone" })
  end

  kinds.semaphore = kind
end
