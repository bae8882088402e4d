-- Event.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | `set`: 1 or 0 |
-- | o:<o>:w | the line of those who wait for it |
--
-- | transition | from → to                       | step  |
-- | ---------- | ------------------------------- | ----- |
-- | T1 set     | 0 → 1, and all in the line know | set   |
-- | T2 clear   | 1 → 0                           | clear |
-- | T3 wait    | 0 → one more in the line        | wait  |
--
-- I1. A flag that is set has nobody in its line. Who is buried while it waits leaves the line.

do
  local KINDS = { event = true }

  -- event_set o → ok | no gone
  step("event_set", { "allow-oom" }, function(call, o)
    local it = fields_of(call.tree, o, KINDS, "set")
    if not it then return { "no", "gone" } end
    if it[2] == "0" then
      redis.call("HSET", key_of(call.tree, o), "set", "1")
      line.answer_all(call.tree, o, ":w", { "ok" })
    end
    return { "ok" }
  end)

  -- event_clear o → ok | no gone
  step("event_clear", { "allow-oom" }, function(call, o)
    if not fields_of(call.tree, o, KINDS) then return { "no", "gone" } end
    redis.call("HSET", key_of(call.tree, o), "set", "0")
    return { "ok" }
  end)

  -- event_wait o → ok | later | no gone
  step("event_wait", { "allow-oom" }, function(call, o)
    local it = fields_of(call.tree, o, KINDS, "set")
    if not it then return { "no", "gone" } end
    if it[2] == "1" then return { "ok" } end
    line.join(call.tree, o, ":w", call.waiter)
    return later(call, o)
  end)

  -- event_look o → ok set | no gone
  step("event_look", { "allow-oom" }, function(call, o)
    local it = fields_of(call.tree, o, KINDS, "set")
    if not it then return { "no", "gone" } end
    return { "ok", it[2] }
  end)

  local kind = { keys = { ":w" } }

  function kind.make(call, o)
    redis.call("HSET", key_of(call.tree, o), "set", "0")
  end

  function kind.cancel(tree, o, waiter)
    line.leave(tree, o, ":w", waiter)
  end

  function kind.destroy(tree, o)
    line.answer_all(tree, o, ":w", { "no", "gone" })
  end

  kinds.event = kind
end
