-- Hosts: machines that have an agent, and who runs where. The agents are the members of a tree named "hosts", so they have
-- numbers, leases, mailboxes and burials as all members have. Behind the prefix mp:{hosts}: there are, besides,
--
-- | key        | what |
-- | ---------- | ---- |
-- | p:<a>      | of an agent also: slots, labels, version, deno, draining, the id that it has made up, and `suspect` |
-- | taken:<a>  | sorted set: its reservations, with the time of each; those that were accepted have none (+inf) |
-- | slots      | hash: which agent has a reservation |
-- | origins    | hash: which process object of which tree a reservation is for |
-- | queue      | list of the starts that wait for a slot, the oldest first |
-- | last       | who took a slot last |
-- | trees      | sorted set: when each tree was heard last |
--
-- A reservation is a name that whoever wants it has made up, so that doing anything again changes nothing.
--
-- | from     | by | to |
-- | -------- | -- | -- |
-- |          | place, a slot is free | placed |
-- |          | place, none is free | in the queue |
-- | in queue | a slot is freed; a host comes | placed; the waiter is answered |
-- | in queue | unplace | — |
-- | placed   | accept | accepted |
-- | placed   | 10 s have gone by; the host is lost | — |
-- | accepted | its process has ended; the host is lost | — |

do
  local HASTE = 10 * 1000

  for at = 1, 4 do members.fixed[#members.fixed + 1] = ({ "slots", "origins", "queue", "last" })[at] end

  local function fits(host, labels)
    local has = {}
    for label in (host.labels or ""):gmatch("[^,]+") do has[label] = true end
    for label in (labels or ""):gmatch("[^,]+") do
      if not has[label] then return false end
    end
    return true
  end

  -- The agents that count as alive, in the order of their numbers. A lease that has run out while nobody at all was heard
  -- has not run out.
  local function all(hosts)
    local list, time = {}, members.clock(hosts)
    local lease = tonumber(redis.call("HGET", hosts .. "tree", "lease") or "0")
    local gap = time - tonumber(redis.call("GET", hosts .. "lastbeat") or time)
    if gap >= 0 and gap <= lease / 2 then gap = 0 end
    for _, agent in ipairs(redis.call("HKEYS", hosts .. "alive")) do
      local until_when = tonumber(redis.call("ZSCORE", hosts .. "lease", agent) or "0")
      local p = redis.call("HMGET", hosts .. "p:" .. agent, "name", "slots", "labels", "version", "deno", "draining",
        "id", "suspect")
      if p[2] and until_when + gap > time then
        local taken = redis.call("ZCARD", hosts .. "taken:" .. agent)
        list[#list + 1] = {
          agent = agent, name = p[1], slots = tonumber(p[2]), labels = p[3], version = p[4], deno = p[5],
          draining = p[6] == "1", id = p[7] or "", taken = taken,
          suspect = p[8] ~= false,
        }
      end
    end
    table.sort(list, function(a, b) return tonumber(a.agent) < tonumber(b.agent) end)
    return list
  end

  -- The host with the most free slots of those that fit; or nothing, and why.
  local function choose(hosts, version, labels)
    local best, why, detail = nil, "none", {}
    for _, host in ipairs(all(hosts)) do
      if not host.draining and why == "none" then why = "label" end
      if not host.draining and fits(host, labels) then
        if host.version ~= version then
          if why ~= "full" then why, detail = "version", { host.name, host.version } end
        else
          why = "full"
          if not host.suspect and host.taken < host.slots and (not best or host.slots - host.taken > best.slots - best.taken) then best = host end
        end
      end
    end
    return best, why, detail
  end

  local function reserve(hosts, host, reservation, name, tree, o)
    redis.call("ZADD", hosts .. "taken:" .. host.agent, text(members.clock(hosts)), reservation)
    redis.call("HSET", hosts .. "slots", reservation, host.agent)
    redis.call("HSET", hosts .. "origins", reservation, bytes_of({ tree, o }))
    redis.call("SET", hosts .. "last", name)
  end

  -- Reserves a slot: gives the agent's number, its name and its id. Where there is none: nothing, and why: "none" (no host),
  -- "label", "version" (with the name of a host and its version), "full" (then it waits in the queue).
  local function place(tree, o, waiter, reservation, version, labels)
    local hosts = members.hosts(tree)
    local known = redis.call("HGET", hosts .. "slots", reservation)
    if known then
      local p = redis.call("HMGET", hosts .. "p:" .. known, "name", "id")
      return known, p[1] or "?", p[2] or ""
    end
    local host, why, detail = choose(hosts, version, labels)
    local name = redis.call("HGET", tree .. "tree", "name") or "?"
    if host then
      reserve(hosts, host, reservation, name, tree, o)
      return host.agent, host.name, host.id
    end
    if why == "full" then
      redis.call("RPUSH", hosts .. "queue", bytes_of({ tree, o, waiter, reservation, version, labels or "", name }))
    end
    return nil, why, unpack(detail)
  end

  local function unplace(tree, o, waiter)
    local queue = members.hosts(tree) .. "queue"
    for _, entry in ipairs(redis.call("LRANGE", queue, 0, -1)) do
      local it = cmsgpack.unpack(entry)
      if it[1] == tree and it[2] == o and it[3] == waiter then redis.call("LREM", queue, 1, entry) end
    end
  end

  -- Gives free slots to those that wait, the oldest first; one that fits no free host lets others pass.
  local function serve(hosts)
    for _, entry in ipairs(redis.call("LRANGE", hosts .. "queue", 0, -1)) do
      local tree, o, waiter, reservation, version, labels, name = unpack(cmsgpack.unpack(entry))
      local member = parts_of(waiter)
      if redis.call("SISMEMBER", tree .. "waits:" .. member, o .. "|" .. waiter) == 0 then
        redis.call("LREM", hosts .. "queue", 1, entry)
      else
        local host = choose(hosts, version, labels)
        if host then
          redis.call("LREM", hosts .. "queue", 1, entry)
          reserve(hosts, host, reservation, name, tree, o)
          redis.call("HSET", key_of(tree, o), "state", "placed")
          redis.call("HDEL", key_of(tree, o), "waiter")
          answer(tree, o, waiter, { "ok", host.agent, host.name, host.id })
        end
      end
    end
  end

  local function free(hosts, reservation)
    local agent = redis.call("HGET", hosts .. "slots", reservation)
    if not agent then return end
    redis.call("HDEL", hosts .. "slots", reservation)
    redis.call("HDEL", hosts .. "origins", reservation)
    redis.call("ZREM", hosts .. "taken:" .. agent, reservation)
    serve(hosts)
  end

  function members.free_slot(tree, reservation)
    free(members.hosts(tree), reservation)
  end

  -- A tree with a shorter lease has buried this agent, or it has not taken a launch in time: nobody is placed there, until it
  -- is heard again; who finds no other place waits for that.
  function members.suspect(tree, agent)
    local hosts = members.hosts(tree)
    if members.lives(hosts, agent) then redis.call("HSET", hosts .. "p:" .. agent, "suspect", "1") end
  end

  -- It has not taken a launch in time.
  function members.suspect_of(tree, reservation)
    local agent = reservation and redis.call("HGET", members.hosts(tree) .. "slots", reservation)
    if agent then members.suspect(tree, agent) end
  end

  -- With each beat of an agent, what was reserved and never accepted is free again.
  function members.on_host_beat(hosts, agent, time)
    for _, old in ipairs(redis.call("ZRANGEBYSCORE", hosts .. "taken:" .. agent, "-inf", text(time - HASTE))) do
      free(hosts, old)
    end
    if redis.call("HDEL", hosts .. "p:" .. agent, "suspect") == 1 then serve(hosts) end
  end

  -- Whoever waits for a start there that was not accepted is told, and finds another place.
  function members.on_host_lost(hosts, agent)
    local taken = redis.call("ZRANGE", hosts .. "taken:" .. agent, 0, -1, "WITHSCORES")
    for i = 1, #taken, 2 do
      local origin = redis.call("HGET", hosts .. "origins", taken[i])
      redis.call("HDEL", hosts .. "slots", taken[i])
      redis.call("HDEL", hosts .. "origins", taken[i])
      if origin and taken[i + 1] ~= "inf" then
        local tree, o = unpack(cmsgpack.unpack(origin))
        members.tried(tree, processes.tell_starter, tree, o, { "no", "lost" })
      end
    end
    redis.call("UNLINK", hosts .. "taken:" .. agent)
  end

  -- What processes.lua uses.
  members.place, members.unplace, members.free = place, unplace, members.free_slot

  -- Hosts, slots, and the name of the program that took one last.
  function members.summary(tree)
    local hosts = members.hosts(tree)
    local count, slots = 0, 0
    for _, host in ipairs(all(hosts)) do
      count, slots = count + 1, slots + host.slots
    end
    return { hosts = count, slots = slots, last = redis.call("GET", hosts .. "last") or "" }
  end

  -- Tells an agent; whether it is alive.
  function members.tell_agent(tree, agent, event, ...)
    local hosts = members.hosts(tree)
    tell(hosts, agent, event, ...)
    return members.lives(hosts, agent)
  end

  -- The hosts have one lease, that of the first; nothing if this is another.
  local function begin(hosts, lease)
    local theirs = redis.call("HGET", hosts .. "tree", "lease")
    if theirs then return theirs == lease end
    redis.call("HSET", hosts .. "tree", "name", "hosts", "lease", lease, "epoch", "0")
    redis.call("SET", hosts .. "lastbeat", text(members.clock(hosts)))
    return true
  end

  -- host name slots labels version deno pid lease id → ok a | no lease <that of the others>: an agent comes.
  look("host", {}, function(hosts, name, slots, labels, version, deno, pid, lease, id)
    if not id then return { "no", "malformed" } end
    if not members.whole(slots, 1, 100000) then return { "no", "slots" } end
    if not members.whole(lease, 100, 2 ^ 40) then return { "no", "lease" } end
    if not begin(hosts, lease) then return { "no", "lease", redis.call("HGET", hosts .. "tree", "lease") } end
    local agent = members.add(hosts, {
      name = name, host = name, pid = pid, parent = "0", daemon = "0", slots = slots, labels = labels,
      version = version, deno = deno, draining = "0", id = id,
    })
    serve(hosts)
    return { "ok", agent }
  end)

  -- visit name pid lease → ok m | no lease …: somebody looks, or says a word; no host.
  look("visit", { "allow-oom" }, function(hosts, name, pid, lease)
    if not members.whole(lease, 100, 2 ^ 40) then return { "no", "lease" } end
    if not begin(hosts, lease) then return { "no", "lease", redis.call("HGET", hosts .. "tree", "lease") } end
    return { "ok", members.add(hosts, { name = name, host = "", pid = pid, parent = "0", daemon = "0" }) }
  end)

  -- hosts labels → ok hosts slots free: those that fit.
  look("hosts", { "no-writes" }, function(hosts, labels)
    local count, slots, taken = 0, 0, 0
    for _, host in ipairs(all(hosts)) do
      if fits(host, labels) and not host.draining and not host.suspect then
        count, slots, taken = count + 1, slots + host.slots, taken + host.taken
      end
    end
    return { "ok", text(count), text(slots), text(math.max(0, slots - taken)) }
  end)

  -- free reservation → ok: by the agent, where the tree cannot do so any more.
  look("free", { "allow-oom" }, function(hosts, reservation)
    free(hosts, reservation)
    return { "ok" }
  end)

  -- drain name-or-number → ok n: these hosts take no more, and end when their last child has ended.
  look("drain", { "allow-oom" }, function(hosts, which)
    local found = 0
    for _, host in ipairs(all(hosts)) do
      if host.agent == which or host.name == which then
        found = found + 1
        redis.call("HSET", hosts .. "p:" .. host.agent, "draining", "1")
        tell(hosts, host.agent, "drain")
      end
    end
    return found > 0 and { "ok", text(found) } or { "no", "unknown" }
  end)

  -- accept o reservation → ok m | no dead | no late: its slot was given up, and the starter finds another place. The agent
  -- takes a launch: its child is a member from now on.
  step("accept", {}, function(call, o, reservation)
    local tree, hosts = call.tree, members.hosts(call.tree)
    local agent = redis.call("HGET", tree .. "p:" .. call.member, "agent")
    if not agent then return { "no", "stranger" } end
    local it = redis.call("HMGET", key_of(tree, o), "kind", "parent", "name", "daemon", "identity", "member")
    if it[1] ~= "process" or it[6] or not it[2] or not members.lives(tree, it[2]) then return { "no", "dead" } end
    if redis.call("HGET", hosts .. "slots", reservation) ~= agent then
      processes.late(tree, o, reservation)
      return { "no", "late" }
    end
    redis.call("ZADD", hosts .. "taken:" .. agent, "+inf", reservation)
    local m = members.add(tree, {
      name = it[3] or "?", host = redis.call("HGET", tree .. "p:" .. call.member, "host") or "?", pid = "0",
      parent = it[2], voucher = call.member, daemon = it[4] or "0", identity = it[5] or "", o = o,
      reservation = reservation, agent_number = agent,
    })
    redis.call("HSET", key_of(tree, o), "member", m)
    processes.accepted(tree, o, m)
    return { "ok", m }
  end)
end
