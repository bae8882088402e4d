-- The records of queues: where they are, who has them, and what becomes of them. Steps are in queue.lua and tasks.lua.
--
-- | key | what |
-- | --- | ---- |
-- | o:<q>      | hash: `max` (0: any number), `policy` (lose, redeliver, throw), `most` deliveries, `shut`, `taken` so far;
-- |            | `asked`: there, somebody may wait for a record; of a
-- |            | joinable one `unfinished`, `abandoned`, and `died`: who took those and how that member ended |
-- | o:<q>:r    | list: the records that can be taken |
-- | o:<q>:b    | hash: pieces of long records, `<blob>/<index>` |
-- | o:<q>:t :u | hashes: records that were given and not forgotten, by the number of the take; many at once: bundles.lua |
-- | o:<q>:k    | sorted set: whose take each is, `<m>:<number>`; `L<m>:<number>` of one that was lost |
-- | o:<q>:d    | set: members that have taken some |
-- | o:<q>:g :p :j | lists: who waits for a record, for room, for the last task; behind a `!` or `?` those that do so for ever, |
-- |            | behind a `=` those whose steps are still to come (places.lua) |
-- | o:<q>:pk   | hash: the records of those that wait for room |
-- | o:<q>:lost | list: records that were given as often as they may be |
--
-- A take has a number. But where a thread that blocks takes one record of a plain queue that loses what the dead had, and
-- nothing goes with that record, nothing is written: the take is called `<lane>#<number of the step>`, and the record is in
-- the lane's ledger, or in its mailbox. What the ledger says was taken is `<q>:<number of the step>`. It has landed with the
-- next step of that lane, since its answer was read before; unless that is `cancel`, which knows of it; or by `landed`.
--
-- A record: 1 byte how often it was given to somebody who died; 1 byte flags (1: the body is `<blob> <pieces>`; 2: for
-- who reads it); 2 bytes the length of its objects; those; the body.
--
-- | a record is  | by | becomes |
-- | ------------ | -- | ------- |
-- | new          | put with a getter waiting / with room / without | given / in the list / parked, with its putter |
-- | parked       | get, shutdown, cancel or burial of its putter | in the list / gone |
-- | in the list  | get, in its order | given to the one who asked |
-- | given        | landed: its taker has it (`redeliver`, joinable: nothing; plain: said with the next get) | forgotten |
-- | given        | taskDone | forgotten, and dealt with |
-- | given        | unget | in the list, at the head |
-- | given        | burial of its taker | at the head, given once more; beyond `most`: lost |
-- | forgotten, no taskDone yet | burial of its taker | `abandoned`; with `lose`: dealt with |
-- | lost         | lost | given to the one who asked |
--
-- What goes back of one member goes in the order in which it was taken; only what its threads that block were given last,
-- one record each, comes before that.
--
-- Where there are getters, the list is empty; where there are putters, it is full.

local queues

do
  local FLAG_BLOB = 1
  local MOST_PIECES = 4096

  local function state(tree, o)
    local s = redis.call("HMGET", key_of(tree, o), "kind", "max", "policy", "most", "shut", "asked")
    if s[1] ~= "queue" and s[1] ~= "joinable" then return nil end
    return {
      o = o, key = key_of(tree, o), tree = tree, counts = s[1] == "joinable", max = tonumber(s[2]), policy = s[3],
      most = tonumber(s[4]), shut = s[5] == "1", asked = s[6],
    }
  end

  local function objects_of(record)
    local length = record:byte(3) * 256 + record:byte(4)
    return length == 0 and "" or record:sub(5, 4 + length)
  end

  local function is_blob(record)
    return record:byte(2) % 2 == FLAG_BLOB
  end

  -- The keys of a long record's pieces; nothing if it is malformed.
  local function pieces_of(record)
    local length = record:byte(3) * 256 + record:byte(4)
    local blob, count = record:sub(5 + length):match("^([%w.]+) (%d%d?%d?%d?)$")
    if not blob or tonumber(count) < 1 or tonumber(count) > MOST_PIECES then return nil end
    local fields = {}
    for i = 0, tonumber(count) - 1 do fields[#fields + 1] = blob .. "/" .. i end
    return fields
  end

  -- Why a record that a member gives cannot be put, if so.
  local function refusal(q, record)
    if not record or #record < 4 or record:byte(1) ~= 0 or record:byte(2) > 3 then return { "no", "malformed" } end
    local length = record:byte(3) * 256 + record:byte(4)
    if 4 + length > #record then return { "no", "malformed" } end
    if length > 0 then
      local objects = objects_of(record)
      if not objects:match("^[%d ]+$") then return { "no", "malformed" } end
      local gone = missing(q.tree, objects)
      if gone then return { "no", "lacks", gone } end
    end
    if is_blob(record) then
      local fields = pieces_of(record)
      if not fields then return { "no", "malformed" } end
      for _, field in ipairs(fields) do
        if redis.call("HEXISTS", q.key .. ":b", field) == 0 then return { "no", "malformed" } end
      end
    end
  end

  -- Removes the pieces of a record that nobody will read.
  local function drop_pieces(q, record)
    if not is_blob(record) then return end
    for _, field in ipairs(pieces_of(record) or {}) do redis.call("HDEL", q.key .. ":b", field) end
  end

  -- What a record holds is let go. An object may go with it, even the queue itself: nothing of it is touched after.
  local function forget(q, record)
    drop_pieces(q, record)
    unhold_all(q.tree, objects_of(record))
  end

  local function forget_all(q, records)
    for _, record in ipairs(records) do forget(q, record) end
  end

  -- Whether a take, as somebody has named it, is a number.
  local function is_number(t)
    return t ~= "" and #t < 16 and not t:find("%D")
  end

  local function mark_of(m, t, lost)
    return (lost and "L" or "") .. m .. ":" .. string.format("%015d", t)
  end

  -- Notes that a member is given records; the number of the first take.
  local function take_all(q, m, records, lost)
    local t = redis.call("HINCRBY", q.key, "taken", #records) - #records + 1
    if redis.call("SADD", q.key .. ":d", m) == 1 then redis.call("SADD", q.tree .. "takes:" .. m, q.o) end
    if not lost and queues.bundle(q, m, records, t) then return t end
    local takes, marks = {}, {}
    for i, record in ipairs(records) do
      takes[2 * i - 1], takes[2 * i] = text(t + i - 1), record
      marks[2 * i - 1], marks[2 * i] = "0", mark_of(m, t + i - 1, lost)
    end
    redis.call("HSET", q.key .. ":t", unpack(takes))
    redis.call("ZADD", q.key .. ":k", unpack(marks))
    for _, record in ipairs(records) do
      if record:byte(3) + record:byte(4) > 0 then adopt_all(q.tree, m, objects_of(record)) end
    end
    return t
  end

  local function take(q, m, record, lost)
    return text(take_all(q, m, { record }, lost))
  end

  -- Whether a lane notes what it is given in its ledger.
  local function is_noted(q, lane)
    return lane ~= "0" and q.policy == "lose" and not q.counts
  end

  -- What a lane is given by its step of that number: one record. How the take is called.
  local function hand(q, m, lane, number, record)
    if is_noted(q, lane) and record:byte(3) + record:byte(4) == 0 and not is_blob(record) then return lane .. "#" .. number end
    return take(q, m, record)
  end

  -- The record that a lane was given last, unless it has landed; it is not there any more then.
  local function retake(q, m, lane, number)
    local last, took, answer = ledger.last(q.tree, m, lane)
    if took ~= q.o .. ":" .. number then return nil end
    local given = last == number and cmsgpack.unpack(answer) or { "later" }
    if given[1] == "later" then
      for _, entry in ipairs(redis.call("XREVRANGE", q.tree .. "mb:" .. m .. "/" .. lane, "+", "-", "COUNT", "64")) do
        local fields = entry[2]
        if fields[1] == "n" and fields[2] == number then given = { fields[4], fields[6], fields[8] } end
      end
    end
    ledger.forget_take(q.tree, m, lane)
    if given[1] == "ok" and given[2] == lane .. "#" .. number then return given[3] end
  end

  -- Takes a mark away; whether it was there.
  local function unmark(q, mark)
    return redis.call("ZREM", q.key .. ":k", mark) == 1
  end

  -- The record of a take, which is forgotten here; nothing if it was before.
  local function untake(q, t)
    local record = redis.call("HGET", q.key .. ":t", t)
    if record then redis.call("HDEL", q.key .. ":t", t) end
    return record or nil
  end

  -- A waiter of a list that is still waiting: without its mark.
  local function next_of(q, list)
    local waiter = redis.call("LPOP", q.key .. list)
    return waiter and waiter:gsub("^[!?]", "") or nil
  end

  local function answer_all(q, list, outcome)
    for waiter in function() return next_of(q, list) end do
      if not queues.is_place(waiter) then answer(q.tree, q.o, waiter, outcome) end -- a place's gets see it themselves
    end
  end

  -- Gives a record to who waits for one.
  local function give(q, waiter, record)
    if queues.is_place(waiter) then return queues.keep(q, waiter, record) end
    local m, lane, number = parts_of(waiter)
    answer(q.tree, q.o, waiter, { "ok", hand(q, m, lane, number, record), record })
  end

  -- Moves records to who waits for them, and parked ones in where there is room.
  local function serve(q)
    while q.asked and redis.call("LLEN", q.key .. ":g") > 0 and redis.call("LLEN", q.key .. ":r") > 0 do
      give(q, next_of(q, ":g"), redis.call("LPOP", q.key .. ":r"))
    end
    if q.max == 0 then return end
    while redis.call("LLEN", q.key .. ":p") > 0 and redis.call("LLEN", q.key .. ":r") < q.max do
      local waiter = next_of(q, ":p")
      redis.call("RPUSH", q.key .. ":r", redis.call("HGET", q.key .. ":pk", waiter))
      redis.call("HDEL", q.key .. ":pk", waiter)
      if q.counts then redis.call("HINCRBY", q.key, "unfinished", 1) end
      answer(q.tree, q.o, waiter, { "ok" })
    end
  end

  local function add_all(q, records)
    for _, record in ipairs(records) do
      if record:byte(3) + record:byte(4) > 0 then hold_all(q.tree, objects_of(record)) end
    end
    if q.counts then redis.call("HINCRBY", q.key, "unfinished", #records) end
    local at = 1
    while q.asked and at <= #records do
      local waiter = next_of(q, ":g")
      if waiter then
        give(q, waiter, records[at])
        at = at + 1
      else
        q.asked = false
        redis.call("HDEL", q.key, "asked")
      end
    end
    for i = at, #records, 1000 do redis.call("RPUSH", q.key .. ":r", unpack(records, i, math.min(i + 999, #records))) end
  end

  local function is_alone(q)
    return redis.call("GET", q.tree .. "refs:" .. q.o) == "1"
  end

  -- Mode 0: it does not wait; 1: it does; 2: for ever, as a thread that does nothing else; 3: for ever, but the process may
  -- have something else to do. Who waits for ever is told when nobody else is left that has the queue.
  local MARKS = { ["2"] = "!", ["3"] = "?" }
  local ALONE = { ["2"] = "deserted", ["3"] = "alone" }

  -- `at`: it stands in the line already, there.
  local function wait_in(call, q, list, mode, at)
    if ALONE[mode] and is_alone(q) then
      if at then redis.call("LREM", q.key .. list, 1, redis.call("LINDEX", q.key .. list, at)) end
      return { "no", ALONE[mode] }
    end
    local waiter = (MARKS[mode] or "") .. call.waiter
    if at then
      redis.call("LSET", q.key .. list, at, waiter)
    else
      redis.call("RPUSH", q.key .. list, waiter)
    end
    if list == ":g" then
      if not q.asked then redis.call("HSET", q.key, "asked", "1") end
      if is_noted(q, call.lane) then call.took = q.o .. ":" .. call.number end
    end
    return later(call, q.o)
  end

  -- So many of the tasks are dealt with.
  local function deal(q, count)
    if count > 0 and redis.call("HINCRBY", q.key, "unfinished", -count) <= 0 then answer_all(q, ":j", { "ok" }) end
  end

  local function abandoned(q)
    local fields = redis.call("HMGET", q.key, "abandoned", "died")
    if tonumber(fields[1] or "0") <= 0 then return nil end
    return { "no", "abandoned", fields[1], unpack(cmsgpack.unpack(fields[2])) }
  end

  -- Removes all of a list of records, which are given back.
  local function emptied(q, list)
    local records = redis.call("LRANGE", q.key .. list, 0, -1)
    redis.call("DEL", q.key .. list)
    return records
  end

  -- What was given to one that died goes back to the head; beyond `most` it is lost. Whether it is in the queue again.
  local function give_back(q, record)
    local deliveries = record:byte(1) + 1
    local is_lost = deliveries >= q.most
    local again = string.char(math.min(deliveries, 255)) .. record:sub(2)
    redis.call("LPUSH", q.key .. (is_lost and ":lost" or ":r"), again)
    return not is_lost
  end

  queues = {
    state = state, objects_of = objects_of, is_blob = is_blob, refusal = refusal, drop_pieces = drop_pieces, forget = forget,
    forget_all = forget_all, mark_of = mark_of, take = take, take_all = take_all, unmark = unmark, untake = untake,
    hand = hand, retake = retake, is_noted = is_noted, next_of = next_of, answer_all = answer_all, serve = serve,
    add_all = add_all, is_alone = is_alone, wait_in = wait_in, deal = deal, abandoned = abandoned, emptied = emptied,
    give_back = give_back, is_number = is_number, ALONE = ALONE,
  }
end
