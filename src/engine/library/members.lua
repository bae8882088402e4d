-- Members: who belongs to a tree, who lives, and what follows from a death.
--
-- | key             | what |
-- | --------------- | ---- |
-- | tree            | hash: version, name, host, pid of the root, lease, durability; `over` once nobody but agents is left;
-- |                 | `back`: when somebody was heard again after a time in which nobody was; `run`, `epoch`, `lapsed`: see lapse.lua |
-- | members         | how many there have been |
-- | alive, dead     | hashes: the name of each that lives; how each other one ended |
-- | dying           | hash: those of the dead whose records are not all dealt with yet, and how they ended |
-- | agents, crew    | hash: which member an agent is; set: the agents that live |
-- | p:<m>           | hash: name, host, pid, parent, voucher, daemon, identity; `exit` and `lost` once its process has ended; |
-- |                 | `told`: see lapse.lua |
-- | lease, lastbeat | until when each voucher counts as alive; when anybody was heard last |
-- | vouched:<m>     | those that it vouches for and whose processes have not ended |
-- | children:<m>    | those that it has started and that live |
-- | lanes:<m>       | the lanes in which it has done a step |
-- | clock           | the time, in tests only |
--
-- A member:
--
-- | from  | by | to |
-- | ----- | -- | -- |
-- |       | open, enter, accept | alive |
-- | alive | leave; its process has ended; its voucher is lost | dead: its steps are refused, its records are in `dying` |
-- | dead  | beats, `leave`, until all is dealt with | buried: of its keys only p:<m> is left, for a day |
--
-- A child's *process* ends where its agent says so (`exit`), or with its agent. Its parent is told then, and not before.
-- Everything here may be called by whoever beats: there is no coordinator.

local members = {
  PORTION = 1000, -- of records, in one step
  DAY = 24 * 3600 * 1000,
  -- The beginnings of the keys of a member, and the ends of those of a tree that are there once.
  KEYS = { "p:", "waits:", "holds:", "takes:", "has:", "children:", "vouched:", "lanes:" },
  fixed = {
    "tree", "members", "alive", "dead", "dying", "agents", "crew", "lease", "lastbeat", "all", "objects", "clock",
  },
}
local processes = {} -- what process objects do: see processes.lua

do
  local PORTION, DAY = members.PORTION, members.DAY

  -- Time, as leases are reckoned in it.
  function members.clock(tree)
    return tonumber(redis.call("GET", tree .. "clock") or now())
  end

  -- The prefix of what concerns all trees.
  function members.hosts(tree)
    return (tree:gsub("{[^}]*}:$", "{hosts}:"))
  end

  function members.lives(tree, m)
    return redis.call("HEXISTS", tree .. "alive", m) == 1
  end

  -- A number that a caller gave; nothing if it is none, or not of that range.
  function members.whole(given, least, most)
    local number = given and given:match("^%-?%d+$") and tonumber(given)
    return number and number >= least and number <= most and number or nil
  end

  -- Renews a voucher's lease; gives it.
  function members.renew(tree, m, time)
    local lease = tonumber(redis.call("HGET", tree .. "tree", "lease"))
    redis.call("ZADD", tree .. "lease", text(time + lease), m)
    return lease
  end

  -- Writes down a new member; gives its number.
  function members.add(tree, fields)
    local m = text(redis.call("INCR", tree .. "members"))
    redis.call("HSET", tree .. "alive", m, fields.name)
    fields.voucher = fields.voucher or m
    local list = {}
    for name, value in pairs(fields) do
      list[#list + 1] = name
      list[#list + 1] = value
    end
    redis.call("HSET", tree .. "p:" .. m, unpack(list))
    redis.call("SADD", tree .. "vouched:" .. fields.voucher, m)
    if fields.parent ~= "0" then redis.call("SADD", tree .. "children:" .. fields.parent, m) end
    if fields.voucher == m then members.renew(tree, m, members.clock(tree)) end
    return m
  end

  -- Runs what follows for one record of a death. One that fails must not keep the others from being dealt with, nor the
  -- beats that come after: it is dropped, and why is noted in the field `fault` of the tree.
  function members.tried(tree, run, ...)
    local is_done, more = pcall(run, ...)
    if is_done then return more end
    redis.call("HSET", tree .. "tree", "fault", type(more) == "table" and more.err or tostring(more))
  end
  local tried = members.tried

  -- Up to `budget` of what a set or a hash has, each given to `run`, which answers whether there is more to be done for it. Gives
  -- what is left of the budget.
  local function each(key, budget, is_hash, run)
    while budget > 0 do
      local some = redis.call(is_hash and "HRANDFIELD" or "SRANDMEMBER", key, math.min(budget, 100))
      if #some == 0 then break end
      for _, it in ipairs(some) do
        if not run(it) then redis.call(is_hash and "HDEL" or "SREM", key, it) end
        budget = budget - 1
      end
    end
    return budget
  end

  local function forget(tree, m)
    local keys = { tree .. "mb:" .. m .. "/0" }
    for _, key in ipairs(members.KEYS) do
      if key ~= "p:" then keys[#keys + 1] = tree .. key .. m end
    end
    -- An agent that is dead vouches until those are dealt with whom it vouched for; members.lost has done that.
    redis.call("UNLINK", unpack(keys))
    redis.call("PEXPIRE", tree .. "p:" .. m, DAY)
  end

  -- Deals with what the dead had: a portion of it.
  function members.settle(tree, budget)
    local dying = redis.call("HGETALL", tree .. "dying")
    for i = 1, #dying, 2 do
      local m, how = dying[i], dying[i + 1]
      budget = each(tree .. "waits:" .. m, budget, false, function(wait)
        local o, waiter = wait:match("^(%d+)|(.+)$")
        local kind = o and kind_of(tree, o)
        if kind and kind.cancel then tried(tree, kind.cancel, tree, o, waiter, how) end
      end)
      for _, key in ipairs({ "holds:", "takes:" }) do
        budget = each(tree .. key .. m, budget, false, function(o)
          local kind = kind_of(tree, o)
          return kind and kind.bury and tried(tree, kind.bury, tree, o, m, how)
        end)
      end
      budget = each(tree .. "lanes:" .. m, budget, false, function(lane)
        tried(tree, members.on_lane_end, tree, m, lane)
        redis.call("UNLINK", tree .. "rq:" .. m .. "/" .. lane, tree .. "mb:" .. m .. "/" .. lane)
      end)
      budget = each(tree .. "has:" .. m, budget, true, function(o)
        tried(tree, unhold, tree, o)
      end)
      if budget <= 0 then return false end
      redis.call("HDEL", tree .. "dying", m)
      forget(tree, m)
    end
    return true
  end

  -- When nobody but agents is left, they are told to leave; the last one clears up.
  local function look_for_the_end(tree)
    if tree == members.hosts(tree) or redis.call("HEXISTS", tree .. "tree", "over") == 1 then return end
    if redis.call("HLEN", tree .. "alive") > redis.call("SCARD", tree .. "crew") then return end
    redis.call("HSET", tree .. "tree", "over", "1")
    for _, agent in ipairs(redis.call("SMEMBERS", tree .. "crew")) do tell(tree, agent, "over") end
  end

  -- m can do nothing more, and all follows that a death has.
  local function bury(tree, m, how)
    if redis.call("HDEL", tree .. "alive", m) == 0 then return end
    someone_was_buried = true
    for _, lane in ipairs(redis.call("SMEMBERS", tree .. "lanes:" .. m)) do ledger.fence(tree, m, lane) end
    redis.call("HSET", tree .. "dead", m, how)
    redis.call("HSET", tree .. "dying", m, how)
    redis.call("SREM", tree .. "crew", m)
    redis.call("ZREM", tree .. "lease", m)
    for _, child in ipairs(redis.call("SMEMBERS", tree .. "children:" .. m)) do
      local p = redis.call("HMGET", tree .. "p:" .. child, "daemon", "voucher")
      if p[1] == "1" then tell(tree, p[2], "signal", child, "9") end
      tell(tree, child, "orphan", m, how)
    end
    local vouched = redis.call("SMEMBERS", tree .. "vouched:" .. m)
    for _, other in ipairs(vouched) do
      if other ~= m then members.finish(tree, other, "host lost", -9, true, "") end
    end
    if members.on_host_lost and tree == members.hosts(tree) then members.on_host_lost(tree, m) end
    members.settle(tree, PORTION)
    look_for_the_end(tree)
  end

  -- The process of m has ended. A child that had left before it was lost has the exit code that it left with.
  function members.finish(tree, m, how, code, lost, failure)
    local p = redis.call("HMGET", tree .. "p:" .. m, "voucher", "parent", "exit", "left", "reservation", "o")
    if not p[1] or p[3] then return end
    if lost and p[4] then code, lost = tonumber(p[4]), false end
    redis.call("HSET", tree .. "p:" .. m, "exit", text(code), "lost", lost and "1" or "0", "failure", failure)
    redis.call("SREM", tree .. "vouched:" .. p[1], m)
    redis.call("SREM", tree .. "children:" .. p[2], m)
    bury(tree, m, how)
    redis.call("PEXPIRE", tree .. "p:" .. m, DAY)
    if p[5] then members.free_slot(tree, p[5]) end
    if p[6] then tried(tree, processes.ended, tree, m, text(code), lost and "1" or "0", failure) end
  end

  -- Nothing more is heard of a voucher, whose process may go on.
  function members.lose(tree, m, how)
    members.finish(tree, m, how, -9, true, "")
    bury(tree, m, how)
  end

  function members.how(code)
    return code < 0 and "killed by signal " .. text(-code) or "ended with exit code " .. text(code)
  end

  -- What everybody who beats does for all: buries those that were not heard of, 8 at most, and goes on with the dying.
  -- Where nobody at all was heard for half a lease, the engine was away: that time counts for nobody.
  function members.tend(tree, time)
    local lease = tonumber(redis.call("HGET", tree .. "tree", "lease"))
    local gap = time - tonumber(redis.call("GET", tree .. "lastbeat") or time)
    -- Nobody was heard of meanwhile: the engine was away, or its clock was set forward; or it was set back.
    if gap > lease / 2 or gap < 0 then
      local leases = redis.call("ZRANGE", tree .. "lease", 0, -1)
      for _, m in ipairs(leases) do redis.call("ZINCRBY", tree .. "lease", text(gap), m) end
    end
    if gap > lease / 2 then
      redis.call("HSET", tree .. "tree", "back", text(time))
    end
    redis.call("SET", tree .. "lastbeat", text(time))
    for _, m in ipairs(redis.call("ZRANGEBYSCORE", tree .. "lease", "-inf", text(time), "LIMIT", 0, 8)) do
      members.lose(tree, m, "lease ran out")
      local agent = redis.call("HGET", tree .. "p:" .. m, "agent")
      if agent then members.suspect(tree, agent) end
    end
    members.settle(tree, PORTION)
    members.keep(tree, time)
  end

  function members.bury(tree, m, how)
    bury(tree, m, how)
  end

  -- open version name host pid lease [durability] → ok 1: begins a tree, whose root is member 1 and vouches for itself. The
  -- durability is a word of the clients alone: whoever enters is told it.
  look("open", {}, function(tree, version, name, host, pid, lease, durability)
    if redis.call("EXISTS", tree .. "tree") == 1 then return { "no", "exists" } end
    if not members.whole(lease, 100, 2 ^ 40) then return { "no", "lease" } end -- the last that must be there
    local time = members.clock(tree)
    redis.call("HSET", tree .. "tree", "version", version, "name", name, "host", host, "pid", pid, "lease", lease,
      "epoch", "0", "time", text(time), "durability", durability or "memory")
    redis.call("SET", tree .. "lastbeat", text(time))
    local root = members.add(tree, { name = name, host = host, pid = pid, parent = "0", daemon = "0" })
    redis.call("ZADD", members.hosts(tree) .. "trees", text(time), tree:match("{([^}]*)}:$"))
    members.tried(tree, members.sweep, members.hosts(tree))
    return { "ok", root }
  end)

  -- enter agent name host pid session → ok m lease durability: an agent becomes a member of a tree. Again, with the same name of the
  -- session: the same member. With another: it has lost what it had before, which is buried.
  look("enter", {}, function(tree, agent, name, host, pid, session)
    if not members.whole(pid, 1, 2 ^ 40) then return { "no", "malformed" } end
    session = session or ""
    if redis.call("EXISTS", tree .. "tree") == 0 or redis.call("HEXISTS", tree .. "tree", "over") == 1 then
      return { "gone" }
    end
    local known = redis.call("HGET", tree .. "agents", agent)
    local it = redis.call("HMGET", tree .. "tree", "lease", "durability")
    local lease, durability = it[1], it[2] or "memory"
    if known and members.lives(tree, known) then
      if redis.call("HGET", tree .. "p:" .. known, "session") == session then return { "ok", known, lease, durability } end
      members.finish(tree, known, "host lost", -9, true, "")
      if redis.call("HEXISTS", tree .. "tree", "over") == 1 then return { "gone" } end
    end
    local m = members.add(tree, {
      name = name, host = host, pid = pid, parent = "0", daemon = "0", agent = agent, session = session,
    })
    redis.call("HSET", tree .. "agents", agent, m)
    redis.call("SADD", tree .. "crew", m)
    return { "ok", m, lease, durability }
  end)

  -- beat → ok lease | gone | fenced how. Renews the lease of a voucher; does what is to be done for all.
  look("beat", { "allow-oom" }, function(tree, m)
    if redis.call("EXISTS", tree .. "tree") == 0 or not members.lives(tree, m) then return refusal(tree, m) end
    local time, hosts = members.clock(tree), members.hosts(tree)
    -- Before it is renewed: one that comes too late is buried by its own beat, where nobody else has done so.
    members.tend(tree, time)
    if not members.lives(tree, m) then return refusal(tree, m) end
    local lease = members.renew(tree, m, time)
    if tree == hosts then
      members.on_host_beat(tree, m, time)
    else
      redis.call("ZADD", hosts .. "trees", text(members.clock(hosts)), tree:match("{([^}]*)}:$"))
      -- Where no agent is left that beats, its lost host is found by whoever beats at least as often.
      local theirs = tonumber(redis.call("HGET", hosts .. "tree", "lease") or "0")
      if theirs >= lease then members.tend(hosts, members.clock(hosts)) end
    end
    return { "ok", text(lease) }
  end)

  -- leave m code → ok more | ok done: the orderly end, to be said again after "more". The last member clears up.
  look("leave", { "allow-oom" }, function(tree, m, code)
    if redis.call("EXISTS", tree .. "tree") == 0 then return { "gone" } end
    local exit = members.whole(code, -255, 2 ^ 32) or 0
    if members.lives(tree, m) then
      local voucher = redis.call("HGET", tree .. "p:" .. m, "voucher")
      redis.call("HSET", tree .. "p:" .. m, "left", text(exit))
      if voucher == m then members.finish(tree, m, members.how(exit), exit, false, "") end
      bury(tree, m, members.how(exit))
    else
      members.settle(tree, PORTION)
    end
    if redis.call("HEXISTS", tree .. "dying", m) == 1 then return { "ok", "more" } end
    if redis.call("HLEN", tree .. "alive") > 0 then return { "ok", "done" } end
    return { "ok", members.reap(tree) and "done" or "more" }
  end)

  -- dead m code → ok | no stranger. The process of m, which this member vouches for, is no more: what it held is free. Its
  -- end is told by `exit`, when its last output has been.
  step("dead", { "allow-oom" }, function(call, m, code)
    local exit = members.whole(code, -255, 2 ^ 32)
    if not exit then return { "no", "code" } end
    if redis.call("HGET", call.tree .. "p:" .. m, "voucher") ~= call.member then return { "no", "stranger" } end
    redis.call("HSET", call.tree .. "p:" .. m, "left", text(exit))
    bury(call.tree, m, members.how(exit))
    return { "ok" }
  end)

  -- exit m code failure → ok | no stranger. The process of m, which this member vouches for, has ended.
  step("exit", { "allow-oom" }, function(call, m, code, failure)
    local exit = members.whole(code, -255, 2 ^ 32)
    if not exit then return { "no", "code" } end
    if redis.call("HGET", call.tree .. "p:" .. m, "voucher") ~= call.member then return { "no", "stranger" } end
    members.finish(call.tree, m, members.how(exit), exit, false, failure or "")
    return { "ok" }
  end)

  -- bury m how → ok. Said by whoever knows that it is dead.
  look("bury", { "allow-oom" }, function(tree, m, how)
    if redis.call("EXISTS", tree .. "tree") == 0 then return { "gone" } end
    members.finish(tree, m, how, -9, false, "")
    bury(tree, m, how)
    return { "ok" }
  end)

  -- member m → ok alive name host pid exit how failure | no unknown.
  look("member", { "no-writes" }, function(tree, m)
    if redis.call("EXISTS", tree .. "tree") == 0 then return { "gone" } end
    local p = redis.call("HMGET", tree .. "p:" .. m, "name", "host", "pid", "exit", "failure")
    if not p[1] then return { "no", "unknown" } end
    return {
      "ok", members.lives(tree, m) and "1" or "0", p[1], p[2], p[3], p[4] or "",
      redis.call("HGET", tree .. "dead", m) or "", p[5] or "",
    }
  end)
end

-- Who a member is or was.
local function who(tree, m)
  local p = redis.call("HMGET", tree .. "p:" .. m, "name", "pid", "host")
  return { name = p[1] or "?", pid = p[2] or "0", host = p[3] or "?" }
end
