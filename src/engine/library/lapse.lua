-- Lapses: an engine that was started anew, or whose place another server has taken, may have forgotten what it had
-- acknowledged. Whoever knows more than the engine shows it that, and the tree ends for all at once.
--
-- | what is known    | of each lane, and of all lanes of a process | where the engine has it |
-- | ---------------- | ------------------------------------------- | ----------------------- |
-- | done             | the highest step that was answered          | `top` of the ledger     |
-- | heard            | the last outcome or event that was read     | the entry in the mailbox, which its reader keeps |
--
-- What an engine has is the beginning of what it once had: so a step of that is forgotten only if all later ones are. What
-- was given to somebody by the forgotten step of another is in the mailbox, which has forgotten it as well.
--
-- | field of `tree` | what |
-- | --------------- | ---- |
-- | run             | the run of the server to which the steps are given |
-- | epoch           | how often that was another than before |
-- | lapsed          | why the tree has ended |
--
-- | field of `p:<m>` | what |
-- | ---------------- | ---- |
-- | told             | up to which number the greetings of a member are over: answered, or given up |
--
-- | from   | by | to |
-- | ------ | -- | -- |
-- | alive  | greet, by whoever knows more | lapsed: nobody is alive, all are woken, all steps answer "gone" |
-- | lapsed | clear, by everybody who hears of it | gone: no key is left |
--
-- L1. Each connection greets before its first step. So no step is done in a run before its epoch has begun.
-- L2. The tokens of locks in an epoch are greater than all of the epochs before, forgotten ones too.
-- L3. A greeting that is over ends nothing, however late it arrives: nothing is trimmed before it is known to be over (trim).

do
  -- So many tokens a lock has in one epoch.
  local TOKENS = 2 ^ 32

  -- By trees, for this run of the server.
  local epochs = {}

  -- The least token that a lock may give now.
  function members.least_token(tree)
    local epoch = epochs[tree]
    if not epoch then
      epoch = tonumber(redis.call("HGET", tree .. "tree", "epoch") or "0")
      epochs[tree] = epoch
    end
    return epoch * TOKENS
  end

  function members.forget_epoch(tree)
    epochs[tree] = nil
  end

  -- L1: the steps that come are given to this run.
  local function begin_epoch(tree, run)
    local known = redis.call("HGET", tree .. "tree", "run")
    if known == run then return end
    redis.call("HSET", tree .. "tree", "run", run)
    if known then epochs[tree] = redis.call("HINCRBY", tree .. "tree", "epoch", 1) end
  end

  -- What of a lane is forgotten; nothing if all is known.
  local function forgotten(tree, member, lane, done, heard)
    local top = ledger.top(tree, member, lane)
    if tonumber(top) < (tonumber(done) or 0) then
      return "it knows " .. top .. " of " .. done .. " steps that it has answered"
    end
    if heard ~= "" and #redis.call("XRANGE", tree .. "mb:" .. member .. "/" .. lane, heard, heard) == 0 then
      return "it does not know what it has told"
    end
  end

  -- Ends the tree. Whoever waits is woken, and hears of it.
  local function lapse(tree, why)
    redis.call("HSET", tree .. "tree", "lapsed", why, "over", "1")
    for _, m in ipairs(redis.call("HKEYS", tree .. "alive")) do
      redis.call("XADD", tree .. "mb:" .. m .. "/0", "*", "x", "")
      for _, lane in ipairs(redis.call("SMEMBERS", tree .. "lanes:" .. m)) do
        redis.call("UNLINK", tree .. "rq:" .. m .. "/" .. lane)
        if lane ~= "0" then redis.call("XADD", tree .. "mb:" .. m .. "/" .. lane, "*", "x", "") end
      end
    end
    redis.call("UNLINK", tree .. "alive")
  end

  -- greet m → ok | gone why | fenced how: whether it is a member.
  -- greet m run number (lane done heard)… → likewise: what it knows, over a connection that was made just now to that run.
  -- Nothing heard: "". Of the hosts, which forget an agent alone, the others go on; it comes anew, so it has no slots as this.
  look("greet", { "allow-oom" }, function(tree, m, run, number, ...)
    if redis.call("EXISTS", tree .. "tree") == 0 or not members.lives(tree, m) then return refusal(tree, m) end
    if not run then return { "ok" } end
    -- It is over: nobody hears what is said to it, and mailboxes were trimmed since.
    if (tonumber(number) or 0) <= tonumber(redis.call("HGET", tree .. "p:" .. m, "told") or "0") then return { "ok" } end
    begin_epoch(tree, run)
    local lanes = { ... }
    for i = 1, #lanes, 3 do
      local why = forgotten(tree, m, lanes[i], lanes[i + 1], lanes[i + 2])
      if why then
        if tree ~= members.hosts(tree) then lapse(tree, why)
        else members.lose(tree, m, "forgotten by the engine") end
        return { "gone", why }
      end
    end
    return { "ok" }
  end)

  -- trim m lane oldest over → ok. All that is older in the mailbox was read; greetings up to the number `over` are over.
  look("trim", { "allow-oom" }, function(tree, m, lane, oldest, over)
    local number = members.whole(over, 0, 2 ^ 53)
    if not number then return { "no", "malformed" } end
    redis.call("XTRIM", tree .. "mb:" .. m .. "/" .. lane, "MINID", oldest)
    if members.lives(tree, m) and number > tonumber(redis.call("HGET", tree .. "p:" .. m, "told") or "0") then
      redis.call("HSET", tree .. "p:" .. m, "told", over)
    end
    return { "ok" }
  end)

  -- mark m → ok | gone why | fenced how: a write, behind which a connection may wait until all that it has seen is kept.
  look("mark", { "allow-oom" }, function(tree, m)
    if redis.call("EXISTS", tree .. "tree") == 0 or not members.lives(tree, m) then return refusal(tree, m) end
    redis.call("HSET", tree .. "tree", "mark", m)
    return { "ok" }
  end)
end
