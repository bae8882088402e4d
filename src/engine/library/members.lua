-- Members: who belongs to a tree, who lives, and what follows from a death. See the table of keys in objects.lua for what
-- a member has.
--
-- | key            | what |
-- | -------------- | ---- |
-- | tree           | hash: version, name, host, pid of the root, epoch, lease |
-- | members        | how many there have been |
-- | alive, dead    | hashes: the name of each that lives; how each other one ended |
-- | p:<m>          | hash: name, host, pid, parent, voucher, daemon |
-- | lease          | sorted set: until when each voucher counts as alive |
-- | lastbeat       | when anybody was heard last |
-- | vouched:<m>, children:<m> | those that a member vouches for; those that it has started |

-- open version name host pid lease → ok 1: begins a tree, whose root is member 1 and vouches for itself.
look("open", {}, function(tree, version, name, host, pid, lease)
  if redis.call("EXISTS", tree .. "tree") == 1 then return { "no", "exists" } end
  local time = now()
  redis.call("HSET", tree .. "tree", "version", version, "name", name, "host", host, "pid", pid, "lease", lease,
    "epoch", "0", "time", text(time))
  redis.call("SET", tree .. "members", "1")
  redis.call("HSET", tree .. "alive", "1", name)
  redis.call("HSET", tree .. "p:1", "name", name, "host", host, "pid", pid, "parent", "0", "voucher", "1", "daemon", "0")
  redis.call("SADD", tree .. "vouched:1", "1")
  redis.call("ZADD", tree .. "lease", text(time + tonumber(lease)), "1")
  redis.call("SET", tree .. "lastbeat", text(time))
  return { "ok", "1" }
end)

-- Burial, in one step: m is among the living no more, and everything follows that a death has.
local function bury(tree, m, how)
  if redis.call("HDEL", tree .. "alive", m) == 0 then return false end
  redis.call("HSET", tree .. "dead", m, how)
  for _, wait in ipairs(redis.call("SMEMBERS", tree .. "waits:" .. m)) do
    local o, waiter = wait:match("^(%d+)|(.+)$")
    local kind = kind_of(tree, o)
    if kind then kind.cancel(tree, o, waiter, how) end
  end
  for _, o in ipairs(redis.call("SMEMBERS", tree .. "holds:" .. m)) do
    local kind = kind_of(tree, o)
    if kind and kind.bury then kind.bury(tree, o, m, how) end
  end
  for _, o in ipairs(redis.call("HKEYS", tree .. "has:" .. m)) do unhold(tree, o) end
  redis.call("UNLINK", tree .. "waits:" .. m, tree .. "holds:" .. m, tree .. "has:" .. m)
  return true
end

-- bury m how → ok. Said by whoever watches that process.
look("bury", { "allow-oom" }, function(tree, m, how)
  bury(tree, m, how)
  return { "ok" }
end)
