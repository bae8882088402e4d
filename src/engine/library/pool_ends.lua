-- Pools: how their workers end, how they end themselves, and what follows for tasks. The tables of states are in pool.lua.

-- The end of a worker, told once: what it had begun is lost, what it was offered waits again.
function pools.gone(tree, o, w)
  local key = key_of(tree, o)
  if redis.call("SADD", key .. ":e", w) == 0 then return end
  redis.call("HDEL", key .. ":m", w)
  redis.call("LREM", key .. ":w", 0, w)
  for _, ending in ipairs({ ":p", ":n", ":u", ":h" }) do redis.call("HDEL", key .. ending, w) end
  redis.call("SREM", key .. ":s", w)
  local begun, offered = {}, {}
  local all = redis.call("HGETALL", key .. ":b")
  for i = 1, #all, 2 do
    if all[i + 1] == w then
      begun[#begun + 1] = all[i]
      redis.call("HDEL", key .. ":b", all[i])
      redis.call("HDEL", key .. ":c", all[i])
    end
  end
  all = redis.call("HGETALL", key .. ":o")
  for i = 1, #all, 2 do
    if all[i + 1] == w then offered[#offered + 1] = all[i] end
  end
  for _, number in ipairs(offered) do
    local record = redis.call("HGET", key .. ":r", number)
    redis.call("HDEL", key .. ":o", number)
    redis.call("HDEL", key .. ":r", number)
    if not pools.offer(tree, o, record) then redis.call("LPUSH", key .. ":l", record) end
  end
  tell(tree, redis.call("HGET", key, "owner"), "pool.gone", o, w, table.concat(begun, ","))
end

-- No task waits any more, nor what they speak of.
function pools.forget(tree, o)
  local key = key_of(tree, o)
  local records = redis.call("LRANGE", key .. ":l", 0, -1)
  for _, record in ipairs(redis.call("HVALS", key .. ":r")) do records[#records + 1] = record end
  redis.call("DEL", key .. ":l", key .. ":r", key .. ":o")
  for _, record in ipairs(records) do unhold_all(tree, cmsgpack.unpack(record)[3]) end
end

-- Nothing is given any more, and who waits is told.
function pools.shut(tree, o)
  local key = key_of(tree, o)
  redis.call("HSET", key, "shut", "1")
  local waiting = redis.call("HVALS", key .. ":p")
  for _, waiter in ipairs(redis.call("HVALS", key .. ":h")) do waiting[#waiting + 1] = waiter end
  for _, waiter in ipairs(redis.call("HKEYS", key .. ":y")) do waiting[#waiting + 1] = waiter end
  for _, waiter in ipairs(waiting) do answer(tree, o, waiter, { "no", "gone" }) end
  for _, ending in ipairs({ ":p", ":w", ":h", ":y" }) do redis.call("DEL", key .. ending) end
  pools.forget(tree, o)
end

function kinds.pool.cancel(tree, o, waiter)
  local key = key_of(tree, o)
  redis.call("HDEL", key .. ":y", waiter)
  for _, ending in ipairs({ ":p", ":h" }) do
    local all = redis.call("HGETALL", key .. ending)
    for i = 1, #all, 2 do
      if all[i + 1] == waiter then
        redis.call("HDEL", key .. ending, all[i])
        if ending == ":p" then redis.call("LREM", key .. ":w", 0, all[i]) end
      end
    end
  end
end

function kinds.pool.bury(tree, o, member)
  local key = key_of(tree, o)
  if redis.call("HGET", key, "owner") == member then return pools.shut(tree, o) end
  local all = redis.call("HGETALL", key .. ":m")
  for i = 1, #all, 2 do
    if all[i + 1] == member then pools.gone(tree, o, all[i]) end
  end
end

function kinds.pool.destroy(tree, o)
  pools.forget(tree, o)
end

-- pool_gone o worker → ok: its process has ended, also if it never was a member.
step("pool_gone", { "allow-oom" }, function(call, o, w)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  if redis.call("HGET", key_of(call.tree, o), "owner") ~= call.member then return { "no", "gone" } end
  pools.gone(call.tree, o, w)
  return { "ok" }
end)

-- pool_shut o → ok: the owner is done with it.
step("pool_shut", { "allow-oom" }, function(call, o)
  if not is_a(call.tree, o, "pool") then return { "no", "gone" } end
  if redis.call("HGET", key_of(call.tree, o), "owner") ~= call.member then return { "no", "gone" } end
  pools.shut(call.tree, o)
  redis.call("SREM", call.tree .. "holds:" .. call.member, o)
  return { "ok" }
end)
