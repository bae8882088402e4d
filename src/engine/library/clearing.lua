-- All keys of a tree, found without a search: so that none expires in a tree that lives, and none is left of one that has
-- ended.
--
-- | what | how it is found |
-- | ---- | --------------- |
-- | objects and their lists | `all`, and the keys of their kind |
-- | members, their lanes    | by their numbers, `lanes:<m>` |
-- | the rest                | members.fixed |
--
-- A portion with each step; the tree notes how far it has come: `reaped`, `keeping`, "what/cursor".

do
  local HOUR = 3600 * 1000
  local PORTION, DAY = members.PORTION, members.DAY

  -- Has all keys of a tree that are known by a registry; up to `budget` of them are given to `run`. `from` says where it
  -- was left off: "what/cursor". Gives where it is now, "done" at the end.
  local function walk(tree, from, budget, run)
    local what, cursor = (from or "o/0"):match("^(%a)/(%d+)$")
    while budget > 0 do
      if what == "o" then
        local found = redis.call("SSCAN", tree .. "all", cursor, "COUNT", 100)
        for _, o in ipairs(found[2]) do
          local kind, keys = kind_of(tree, o), { tree .. "o:" .. o, tree .. "refs:" .. o }
          for _, ending in ipairs(kind and kind.keys or {}) do keys[#keys + 1] = tree .. "o:" .. o .. ending end
          run(keys, o)
          budget = budget - #keys
        end
        cursor = found[1]
        if cursor == "0" then what, cursor = "m", "1" end
      else
        local m = cursor
        if tonumber(m) > tonumber(redis.call("GET", tree .. "members") or "0") then break end
        local keys = { tree .. "mb:" .. m .. "/0" }
        for _, lane in ipairs(redis.call("SMEMBERS", tree .. "lanes:" .. m)) do
          keys[#keys + 1] = tree .. "rq:" .. m .. "/" .. lane
          keys[#keys + 1] = tree .. "mb:" .. m .. "/" .. lane
        end
        for _, key in ipairs(members.KEYS) do keys[#keys + 1] = tree .. key .. m end
        run(keys, nil, m)
        budget = budget - #keys
        cursor = text(tonumber(m) + 1)
      end
    end
    if budget > 0 then
      local keys = {}
      for _, key in ipairs(members.fixed) do keys[#keys + 1] = tree .. key end
      run(keys)
      return "done"
    end
    return what .. "/" .. cursor
  end

  -- Removes a portion of a tree that nobody needs any more; whether that was all.
  function members.reap(tree)
    local from = redis.call("HGET", tree .. "tree", "reaped")
    local at = walk(tree, from or nil, PORTION, function(keys, o)
      local kind = o and kind_of(tree, o)
      if kind and kind.destroy then members.tried(tree, kind.destroy, tree, o) end
      redis.call("UNLINK", unpack(keys))
    end)
    if at == "done" then
      members.forget_epoch(tree)
      redis.call("ZREM", members.hosts(tree) .. "trees", tree:match("{([^}]*)}:$"))
    else
      redis.call("HSET", tree .. "tree", "reaped", at)
    end
    return at == "done"
  end

  -- Lets no key of a living tree expire: once an hour, along the registry, a portion with each beat.
  function members.keep(tree, time)
    local kept = redis.call("HMGET", tree .. "tree", "kept", "keeping")
    if not kept[2] and time - tonumber(kept[1] or "0") < HOUR then return end
    if not kept[2] then -- the walk may be long
      for _, key in ipairs(members.fixed) do redis.call("PEXPIRE", tree .. key, DAY) end
    end
    local at = walk(tree, kept[2] or nil, PORTION, function(keys, _, m)
      -- What is known of the dead is forgotten after a day, unless somebody still vouches for what they were.
      if m and redis.call("HEXISTS", tree .. "dead", m) == 1 and redis.call("HEXISTS", tree .. "dying", m) == 0 and
        redis.call("HEXISTS", tree .. "p:" .. m, "exit") == 1 then return end
      for _, key in ipairs(keys) do redis.call("PEXPIRE", key, DAY) end
    end)
    if at == "done" then
      redis.call("HDEL", tree .. "tree", "keeping")
      redis.call("HSET", tree .. "tree", "kept", text(time))
    else
      redis.call("HSET", tree .. "tree", "keeping", at)
    end
  end

  -- Removes a portion of one tree that was not heard of for a day, where no agent has done so. By who opens another.
  function members.sweep(hosts)
    local latest = text(members.clock(hosts) - DAY)
    for _, id in ipairs(redis.call("ZRANGEBYSCORE", hosts .. "trees", "-inf", latest, "LIMIT", 0, 1)) do
      local tree = hosts:gsub("{hosts}:$", "{" .. id .. "}:")
      local heard = tonumber(redis.call("GET", tree .. "lastbeat") or "0")
      if redis.call("EXISTS", tree .. "tree") == 0 then redis.call("ZREM", hosts .. "trees", id)
      elseif members.clock(tree) - heard >= DAY then members.reap(tree)
      else redis.call("ZADD", hosts .. "trees", text(heard), id) end
    end
  end

  -- abandoned → ok tree…: the trees that were not heard of for an hour. Asked of the hosts.
  look("abandoned", { "no-writes" }, function(hosts)
    local trees = redis.call("ZRANGEBYSCORE", hosts .. "trees", "-inf", text(members.clock(hosts) - HOUR), "LIMIT", 0, 100)
    return { "ok", unpack(trees) }
  end)

  -- clear → ok more | ok done | no alive: removes an abandoned tree, and at once one that has lapsed. While the engine was away nobody could be heard: so the
  -- hosts are to have been heard just now, and an hour is to have gone by since they were for the first time.
  look("clear", { "allow-oom" }, function(tree)
    if redis.call("EXISTS", tree .. "tree") == 0 then
      redis.call("ZREM", members.hosts(tree) .. "trees", tree:match("{([^}]*)}:$"))
      return { "ok", "done" }
    end
    if redis.call("HEXISTS", tree .. "tree", "lapsed") == 1 then return { "ok", members.reap(tree) and "done" or "more" } end
    local hosts = members.hosts(tree)
    local heard = tonumber(redis.call("GET", tree .. "lastbeat") or "0")
    local lease = tonumber(redis.call("HGET", tree .. "tree", "lease") or "0")
    if members.clock(tree) - heard < math.max(HOUR, 2 * lease) then return { "no", "alive" } end
    local back = tonumber(redis.call("HGET", hosts .. "tree", "back") or "0")
    local time, last = members.clock(hosts), tonumber(redis.call("GET", hosts .. "lastbeat") or "0")
    if time - last > HOUR / 2 or time - back < HOUR then return { "no", "alive" } end
    return { "ok", members.reap(tree) and "done" or "more" }
  end)
end
