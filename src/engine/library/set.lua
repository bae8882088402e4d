-- set: members, in the order in which they came. No member is an object, so nothing is held.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | hash: `stamp`, the last one that was given to a member |
-- | o:<o>:k | sorted set: the members by their stamps |

kinds.set = {
  keys = { ":k" },
  make = function(call) kept.count(call.tree, 1) end,
  cancel = function() end,
  destroy = function(tree, o) kept.give_up(tree, o, {}) end,
}

do
  local reads, frees = { "allow-oom" }, { "allow-oom" }

  local function members(tree, o)
    return key_of(tree, o) .. ":k"
  end

  local function add(call, o, member)
    redis.call("ZADD", members(call.tree, o), "NX", text(kept.stamp(call.tree, o, 1)), member)
  end

  -- set_size o → ok size
  kept.step("set", "set_size", reads, function(call, o)
    return { "ok", text(redis.call("ZCARD", members(call.tree, o))) }
  end)

  -- set_has o member → ok 1 | ok 0
  kept.step("set", "set_has", reads, function(call, o, member)
    if not member then return { "no", "malformed" } end
    return { "ok", redis.call("ZSCORE", members(call.tree, o), member) and "1" or "0" }
  end)

  -- set_add o [member]… → ok
  kept.step("set", "set_add", {}, function(call, o, packed)
    local list = kept.many(packed, 1)
    if not list then return { "no", "malformed" } end
    for _, member in ipairs(list) do add(call, o, member) end
    return { "ok" }
  end)

  -- set_delete o [member]… → ok count: how many were members.
  kept.step("set", "set_delete", frees, function(call, o, packed)
    local list, count = kept.many(packed, 1), 0
    if not list then return { "no", "malformed" } end
    for _, member in ipairs(list) do count = count + redis.call("ZREM", members(call.tree, o), member) end
    return { "ok", text(count) }
  end)

  -- set_keep o [member]… → ok: removes all others.
  kept.step("set", "set_keep", frees, function(call, o, packed)
    local list, wanted = kept.many(packed, 1), {}
    if not list then return { "no", "malformed" } end
    for _, member in ipairs(list) do wanted[member] = true end
    for _, member in ipairs(redis.call("ZRANGE", members(call.tree, o), "0", "-1")) do
      if not wanted[member] then redis.call("ZREM", members(call.tree, o), member) end
    end
    return { "ok" }
  end)

  -- set_toggle o [member]… → ok: removes those that are members, and adds those that are none. Each is there once.
  kept.step("set", "set_toggle", {}, function(call, o, packed)
    local list = kept.many(packed, 1)
    if not list then return { "no", "malformed" } end
    for _, member in ipairs(list) do
      if redis.call("ZREM", members(call.tree, o), member) == 0 then add(call, o, member) end
    end
    return { "ok" }
  end)

  -- set_first o → ok [member]: takes the oldest one out.
  kept.step("set", "set_first", frees, function(call, o)
    local member = redis.call("ZPOPMIN", members(call.tree, o))[1]
    return { "ok", member }
  end)

  -- set_clear o → ok
  kept.step("set", "set_clear", frees, function(call, o)
    redis.call("UNLINK", members(call.tree, o))
    return { "ok" }
  end)

  -- set_members o → ok member…
  kept.step("set", "set_members", reads, function(call, o)
    local answer = redis.call("ZRANGE", members(call.tree, o), "0", "-1")
    table.insert(answer, 1, "ok")
    return answer
  end)

  -- set_walk o from most → ok next member…: up to `most` behind the stamp `from`; see dict_walk.
  kept.step("set", "set_walk", reads, function(call, o, from, most)
    local count = tonumber(most)
    if not count or count < 1 or count % 1 ~= 0 or not from:match("^%d*$") then return { "no", "malformed" } end
    local bound = from == "" and "-inf" or "(" .. from
    local found = redis.call("ZRANGEBYSCORE", members(call.tree, o), bound, "+inf", "WITHSCORES", "LIMIT", "0", most)
    local answer = { "ok", #found == 2 * count and text(tonumber(found[#found])) or "" }
    for i = 1, #found, 2 do answer[#answer + 1] = found[i] end
    return answer
  end)
end
