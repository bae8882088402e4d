-- Queue, JoinableQueue, SimpleQueue: what is put, taken and given back. The table of states is in records.lua.

do
  local state, objects_of, refusal, drop_pieces = queues.state, queues.objects_of, queues.refusal, queues.drop_pieces
  local forget_all, mark_of, take_all, unmark = queues.forget_all, queues.mark_of, queues.take_all, queues.unmark
  local untake, answer_all, serve, add_all = queues.untake, queues.answer_all, queues.serve, queues.add_all
  local is_alone, wait_in, deal, emptied = queues.is_alone, queues.wait_in, queues.deal, queues.emptied
  local hand, retake, is_number, ALONE = queues.hand, queues.retake, queues.is_number, queues.ALONE
  local LONGEST_BATCH = 256

  -- put o mode record → ok | no full | no shut | no gone | no lacks object | no malformed | no deserted |
  -- no alone | later
  step("put", {}, function(call, o, mode, record)
    local q = state(call.tree, o)
    if not q then return { "no", "gone" } end
    local why = refusal(q, record)
    if why then return why end
    if q.shut then
      drop_pieces(q, record)
      return { "no", "shut" }
    end
    if q.max == 0 or redis.call("LLEN", q.key .. ":r") < q.max then
      add_all(q, { record })
      return { "ok" }
    end
    local why_not = mode == "0" and "full" or ALONE[mode] and is_alone(q) and ALONE[mode]
    if why_not then
      drop_pieces(q, record)
      return { "no", why_not }
    end
    hold_all(q.tree, objects_of(record))
    redis.call("HSET", q.key .. ":pk", call.waiter, record)
    return wait_in(call, q, ":p", mode)
  end)

  -- putMany o record… → ok | no shut | no gone | no lacks object | no malformed | no bounded. For queues without a limit.
  step("putMany", {}, function(call, o, ...)
    local q, records = state(call.tree, o), { ... }
    if not q then return { "no", "gone" } end
    if q.max > 0 then return { "no", "bounded" } end
    for _, record in ipairs(records) do
      local why = refusal(q, record)
      if why then return why end
    end
    if q.shut then
      for _, record in ipairs(records) do drop_pieces(q, record) end
      return { "no", "shut" }
    end
    add_all(q, records)
    return { "ok" }
  end)

  -- Whether a take of m, which has landed, is to be forgotten.
  local function is_over(q, m, t)
    local mark = mark_of(m, t)
    if not q.counts and unmark(q, mark) then return true end
    if q.counts and redis.call("ZSCORE", q.key .. ":k", mark) then return q.policy ~= "redeliver" end
    return unmark(q, mark_of(m, t, true))
  end

  -- Those of many takes of a plain queue that are to be forgotten, at once; the others are left in the list.
  local function over_of_many(q, m, takes)
    local marks, over, old, left = {}, {}, {}, {}
    for i, t in ipairs(takes) do marks[i] = mark_of(m, tonumber(t)) end
    local scores = redis.call("ZMSCORE", q.key .. ":k", unpack(marks))
    for i, t in ipairs(takes) do
      if scores[i] then
        over[#over + 1], old[#old + 1] = t, marks[i]
      else
        left[#left + 1] = t
      end
    end
    if #over == 0 then return {}, left end
    redis.call("ZREM", q.key .. ":k", unpack(old))
    local records = {}
    for _, record in ipairs(redis.call("HMGET", q.key .. ":t", unpack(over))) do records[#records + 1] = record or nil end
    redis.call("HDEL", q.key .. ":t", unpack(over))
    return records, left
  end

  local function landed(q, m, takes)
    if #takes == 0 then return end
    local records, numbers = {}, {}
    queues.unbundle(q, m, takes, nil, function(t)
      if is_number(t) then
        numbers[#numbers + 1] = t
        return
      end
      local lane, number = t:match("^(%d+)#(%d+)$")
      local _, took = ledger.last(q.tree, m, lane or "")
      if lane and took == q.o .. ":" .. number then ledger.forget_take(q.tree, m, lane) end
    end)
    if #numbers > 2 and #numbers <= 1000 and not q.counts then records, numbers = over_of_many(q, m, numbers) end
    for _, t in ipairs(numbers) do
      if is_over(q, m, t) then records[#records + 1] = untake(q, t) end
    end
    forget_all(q, records)
  end

  local function take_answer(q, m, records, lost)
    local answer, first = { "ok" }, take_all(q, m, records, lost)
    for i, record in ipairs(records) do answer[2 * i], answer[2 * i + 1] = text(first + i - 1), record end
    return answer
  end

  -- The answer that gives records to whoever asks.
  local function given(call, q, records, lost)
    local answer = { "ok" }
    if #records == 1 and not lost then
      local t = hand(q, call.member, call.lane, call.number, records[1])
      if not t:match("^%d+$") then call.took = q.o .. ":" .. call.number end
      answer[2], answer[3] = t, records[1]
      return answer
    end
    if #records == 0 then return answer end
    return take_answer(q, call.member, records, lost)
  end

  -- Records at the head, up to so many, while they have fewer bytes.
  local function pop(q, count, room)
    local records, size = {}, 0
    repeat
      -- Several at once, where they are as long as those before; but a queue with a limit takes others in for each.
      local some = q.max == 0 and size > 0 and math.min(count, math.floor(room * #records / size)) or 1
      local got = redis.call("LPOP", q.key .. ":r", text(math.max(some, 1)))
      if not got then break end
      for i, record in ipairs(got) do
        records[#records + 1] = record
        room, size, count = room - #record, size + #record, count - 1
        if room <= 0 and i < #got then
          for back = #got, i + 1, -1 do redis.call("LPUSH", q.key .. ":r", got[back]) end
          break
        end
      end
      if q.max > 0 then serve(q) end
    until count < 1 or room <= 0
    return records
  end

  local function asked_for(most, bytes)
    return is_whole(most) and math.max(1, math.min(tonumber(most), LONGEST_BATCH)) or 1, is_whole(bytes) and tonumber(bytes) or 0
  end

  local function get(call, q, mode, most, bytes)
    local records = pop(q, asked_for(most, bytes))
    if records[1] then return given(call, q, records) end
    if q.shut then return { "no", "shut" } end
    if mode == "0" then return { "no", "empty" } end
    return wait_in(call, q, ":g", mode)
  end

  -- get o mode most bytes take… → ok take record … | no empty | no shut | no gone | no deserted | later. Says of takes that
  -- they have landed, and takes up to so many records, while they have fewer bytes.
  step("get", { "allow-oom" }, function(call, o, mode, most, bytes, ...)
    local q = state(call.tree, o)
    if not q then return { "no", "gone" } end
    landed(q, call.member, { ... })
    return get(call, q, mode, most, bytes)
  end)

  -- gets o count bytes take… → ok place take record … | no shut | no gone. So many gets, one after the other: those that
  -- are left over wait in a place (places.lua), which `claim` and `unget` know by that name.
  step("gets", { "allow-oom" }, function(call, o, count, bytes, ...)
    local q = state(call.tree, o)
    if not q then return { "no", "gone" } end
    landed(q, call.member, { ... })
    local wanted, room = asked_for(count, bytes)
    local records = pop(q, wanted, room)
    if q.shut and not records[1] then return { "no", "shut" } end
    local answer = #records > 0 and take_answer(q, call.member, records) or { "ok" }
    table.insert(answer, 2, queues.reserve(q, call, q.shut and 0 or wanted - #records))
    serve(q) -- where it was the bytes that were too many
    return answer
  end)

  -- claim o mode place take… → as get of one record. One of the gets of a place.
  step("claim", { "allow-oom" }, function(call, o, mode, place, ...)
    local q, number = state(call.tree, o), (place or ""):match("^=(%d+)$")
    if not q then return { "no", "gone" } end
    landed(q, call.member, { ... })
    if number then
      local t, at = queues.claimed(q, call, number)
      local record = t and redis.call("HGET", q.key .. ":t", t)
      if record then return { "ok", t, record } end
      if at then return wait_in(call, q, ":g", mode, at) end
    end
    return get(call, q, mode)
  end)

  -- landed m o take… → ok. These takes of m have arrived.
  look("landed", { "allow-oom" }, function(tree, m, o, ...)
    local q = state(tree, o)
    if q then landed(q, m, { ... }) end
    return { "ok" }
  end)

  -- unget o take… → ok. What was taken and not wanted goes back to the head, in its order; a place is given up.
  step("unget", { "allow-oom" }, function(call, o, ...)
    local q, takes = state(call.tree, o), {}
    if not q then return { "no", "gone" } end
    for _, t in ipairs({ ... }) do
      local number = t:match("^=(%d+)$")
      local place = number and "=" .. call.member .. "/" .. call.lane .. "#" .. number
      joined(takes, place and queues.abandon(q, place) or { t })
    end
    local backwards, objects = {}, {}
    for i = #takes, 1, -1 do backwards[#backwards + 1] = takes[i] end
    local function push(record)
      redis.call("LPUSH", q.key .. ":r", record)
    end
    queues.unbundle(q, call.member, backwards, push, function(t)
      local lane, number = t:match("^(%d+)#(%d+)$")
      local noted = lane and retake(q, call.member, lane, number)
      if noted then push(noted) end
      if is_number(t) and redis.call("HEXISTS", q.key .. ":t", t) == 1 and unmark(q, mark_of(call.member, t)) then
        local record = untake(q, t)
        push(record)
        objects[#objects + 1] = objects_of(record)
      end
    end)
    serve(q)
    release_all(q.tree, call.member, table.concat(objects, " "))
    return { "ok" }
  end)

  -- shutdown o immediate → ok | no gone
  step("shutdown", { "allow-oom" }, function(call, o, immediate)
    local q = state(call.tree, o)
    if not q then return { "no", "gone" } end
    redis.call("HSET", q.key, "shut", "1")
    local records = redis.call("HVALS", q.key .. ":pk")
    redis.call("DEL", q.key .. ":pk")
    answer_all(q, ":p", { "no", "shut" })
    answer_all(q, ":g", { "no", "shut" })
    if immediate == "1" then
      local thrown = emptied(q, ":r")
      if q.counts then deal(q, #thrown) end
      for _, record in ipairs(thrown) do records[#records + 1] = record end
    end
    forget_all(q, records)
    return { "ok" }
  end)

  -- size o → ok length max shut | no gone
  step("size", { "allow-oom" }, function(call, o)
    local q = state(call.tree, o)
    if not q then return { "no", "gone" } end
    return { "ok", text(redis.call("LLEN", q.key .. ":r")), text(q.max), q.shut and "1" or "0" }
  end)

  -- lost o → ok take record …: some of those that were given too often, until there are none.
  step("lost", { "allow-oom" }, function(call, o)
    local q = state(call.tree, o)
    if not q then return { "no", "gone" } end
    local records = {}
    for _ = 1, LONGEST_BATCH do
      local record = redis.call("LPOP", q.key .. ":lost")
      if not record then break end
      records[#records + 1] = record
    end
    return given(call, q, records, true)
  end)

  -- stash o blob index bytes → ok | no gone. A piece of a record that is put afterwards. Again: the same.
  look("stash", {}, function(tree, o, blob, index, bytes)
    if not is_a(tree, o, "queue", "joinable", "connection") then return { "no", "gone" } end
    if not blob:match("^[%w.]+$") or not index:match("^%d+$") then return { "no", "malformed" } end
    redis.call("HSET", key_of(tree, o) .. ":b", blob .. "/" .. index, bytes)
    return { "ok" }
  end)

  -- unstash o blob count → ok. Removes pieces whose record was not put.
  look("unstash", { "allow-oom" }, function(tree, o, blob, count)
    if not is_a(tree, o, "queue", "joinable", "connection") or not count:match("^%d%d?%d?%d?$") then return { "ok" } end
    for i = 0, tonumber(count) - 1 do redis.call("HDEL", key_of(tree, o) .. ":b", blob .. "/" .. i) end
    return { "ok" }
  end)

  -- piece o blob index → ok bytes | no gone
  look("piece", { "no-writes" }, function(tree, o, blob, index)
    if not is_a(tree, o, "queue", "joinable", "connection") then return { "no", "gone" } end
    local bytes = redis.call("HGET", key_of(tree, o) .. ":b", blob .. "/" .. index)
    return bytes and { "ok", bytes } or { "no", "gone" }
  end)
end
