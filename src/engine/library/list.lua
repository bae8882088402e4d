-- list: values in an order.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | hash: `stamp`, the last one that was given to a value or a change: the version of the whole list |
-- | o:<o>:i | list: the values (kept.lua). The version of one is its stamp |
--
-- Indices are whole numbers, as those of `Array`: negative ones count from the end, and those of a range are cut.

kinds.list = {
  keys = { ":i" },
  make = function(call) kept.count(call.tree, 1) end,
  cancel = function() end,
  destroy = function(tree, o)
    local records = kept.has_nested(tree, o) and redis.call("LRANGE", key_of(tree, o) .. ":i", "0", "-1") or {}
    kept.give_up(tree, o, records)
  end,
}

do
  local reads, frees = { "allow-oom" }, { "allow-oom" }
  -- More values than that do not come of one step.
  local LONGEST = 10000000

  local function items(tree, o)
    return key_of(tree, o) .. ":i"
  end

  local function length_of(tree, o)
    return redis.call("LLEN", items(tree, o))
  end

  local function whole(given)
    local number = tonumber(given)
    return number and number % 1 == 0 and number or nil
  end

  -- Where an index that a range begins or ends with is, from 0 to `length`.
  local function cut(index, length)
    if index < 0 then return math.max(0, index + length) end
    return math.min(index, length)
  end

  -- Where an item is; nil if there is none.
  local function place(index, length)
    local at = index < 0 and index + length or index
    return at >= 0 and at < length and at or nil
  end

  -- The records of new values, from pairs of objects and bytes.
  local function records_of(tree, o, list)
    local stamp, records = kept.stamp(tree, o, math.max(1, #list / 2)), {}
    for i = 1, #list, 2 do
      records[#records + 1] = kept.keep(tree, o, stamp, list[i], list[i + 1])
      stamp = stamp + 1
    end
    return records
  end

  local function give_all(call, records, answer)
    for _, record in ipairs(records) do kept.give(call, answer, record) end
    return answer
  end

  -- From an index on there are these records now, instead of those that there were.
  local function end_with(tree, o, from, records)
    local key = items(tree, o)
    if from == 0 then redis.call("UNLINK", key) else redis.call("LTRIM", key, "0", text(from - 1)) end
    kept.portions("RPUSH", key, records)
  end

  -- Takes `count` items from an index on out, and puts records there; gives those that were there.
  local function exchange(tree, o, from, count, records)
    local key = items(tree, o)
    local length = length_of(tree, o)
    local gone = count > 0 and redis.call("LRANGE", key, text(from), text(from + count - 1)) or {}
    if from == 0 then
      if count > 0 then redis.call("LTRIM", key, text(count), "-1") end
      local turned = {}
      for i = #records, 1, -1 do turned[#turned + 1] = records[i] end
      kept.portions("LPUSH", key, turned)
    elseif count == #records then
      for i, record in ipairs(records) do redis.call("LSET", key, text(from + i - 1), record) end
    else
      for _, record in ipairs(redis.call("LRANGE", key, text(from + count), text(length))) do
        records[#records + 1] = record
      end
      end_with(tree, o, from, records)
    end
    return gone
  end

  -- list_length o → ok length
  kept.step("list", "list_length", reads, function(call, o)
    return { "ok", text(length_of(call.tree, o)) }
  end)

  -- list_get o index → ok length [objects bytes]
  kept.step("list", "list_get", reads, function(call, o, index)
    local wanted, length = whole(index), length_of(call.tree, o)
    if not wanted then return { "no", "malformed" } end
    local at, answer = place(wanted, length), { "ok", text(length) }
    return at and kept.give(call, answer, redis.call("LINDEX", items(call.tree, o), text(at))) or answer
  end)

  -- list_set o index objects bytes → ok | no range length
  kept.step("list", "list_set", {}, function(call, o, index, objects, bytes)
    local wanted, length = whole(index), length_of(call.tree, o)
    local why = not wanted and "malformed" or kept.refusal(call.tree, objects, bytes)
    if why then return { "no", why } end
    local at = place(wanted, length)
    if not at then return { "no", "range", text(length) } end
    local before = redis.call("LINDEX", items(call.tree, o), text(at))
    redis.call("LSET", items(call.tree, o), text(at), records_of(call.tree, o, { objects, bytes })[1])
    kept.drop(call.tree, before)
    return { "ok" }
  end)

  -- list_add o where [objects bytes]… → ok length: at the `end`, or at the `beginning`.
  kept.step("list", "list_add", {}, function(call, o, where, packed)
    local list = kept.many(packed, 2)
    local why = where ~= "end" and where ~= "beginning" and "malformed" or kept.refusal_of(call.tree, list, 2)
    if why then return { "no", why } end
    local records = records_of(call.tree, o, list)
    if where == "end" then
      kept.portions("RPUSH", items(call.tree, o), records)
    else
      exchange(call.tree, o, 0, 0, records)
    end
    return { "ok", text(length_of(call.tree, o)) }
  end)

  local function version_of(tree, o)
    return redis.call("HGET", key_of(tree, o), "stamp") or "0"
  end

  -- list_take o index [version] → ok length [objects bytes] | no changed: takes the item out. The length is that before.
  -- With a version, only if the list has not been changed since it had that.
  kept.step("list", "list_take", frees, function(call, o, index, known)
    local wanted, length = whole(index), length_of(call.tree, o)
    if not wanted then return { "no", "malformed" } end
    if known and known ~= version_of(call.tree, o) then return { "no", "changed" } end
    local at, answer = place(wanted, length), { "ok", text(length) }
    if not at then return answer end
    local record
    if at == length - 1 then
      record = redis.call("RPOP", items(call.tree, o))
    else
      record = exchange(call.tree, o, at, 1, {})[1]
    end
    kept.stamp(call.tree, o, 1)
    kept.give(call, answer, record)
    kept.drop(call.tree, record)
    return answer
  end)

  -- list_splice o start count [objects bytes]… → ok (objects bytes)…: what was taken out. An empty count: all behind.
  kept.step("list", "list_splice", {}, function(call, o, start, count, packed)
    local from, wanted, list = whole(start), count == "" and math.huge or whole(count), kept.many(packed, 2)
    local why = not (from and wanted) and "malformed" or kept.refusal_of(call.tree, list, 2)
    if why then return { "no", why } end
    local length = length_of(call.tree, o)
    local at = cut(from, length)
    local gone = exchange(call.tree, o, at, math.max(0, math.min(wanted, length - at)),
      records_of(call.tree, o, list))
    local answer = give_all(call, gone, { "ok" })
    for _, record in ipairs(gone) do kept.drop(call.tree, record) end
    return answer
  end)

  -- list_clear o → ok
  kept.step("list", "list_clear", frees, function(call, o)
    local gone = kept.has_nested(call.tree, o) and redis.call("LRANGE", items(call.tree, o), "0", "-1") or {}
    redis.call("UNLINK", items(call.tree, o))
    kept.stamp(call.tree, o, 1)
    for _, record in ipairs(gone) do kept.drop(call.tree, record) end
    return { "ok" }
  end)

  -- list_fill o start end objects bytes → ok: one value instead of each of a range.
  kept.step("list", "list_fill", {}, function(call, o, first, last, objects, bytes)
    local from, to, length = whole(first), whole(last), length_of(call.tree, o)
    local why = not (from and to) and "malformed" or kept.refusal(call.tree, objects, bytes)
    if why then return { "no", why } end
    from, to = cut(from, length), cut(to, length)
    if from >= to then return { "ok" } end
    local list = {}
    for _ = from, to - 1 do
      list[#list + 1] = objects
      list[#list + 1] = bytes
    end
    local gone = exchange(call.tree, o, from, to - from, records_of(call.tree, o, list))
    for _, record in ipairs(gone) do kept.drop(call.tree, record) end
    return { "ok" }
  end)

  -- list_multiply o count → ok | no size length: as many times what it has.
  kept.step("list", "list_multiply", {}, function(call, o, count)
    local times, length = whole(count), length_of(call.tree, o)
    if not times then return { "no", "malformed" } end
    if length == 0 then return { "ok" } end
    if times * length > LONGEST then return { "no", "size", text(length) } end
    local before = redis.call("LRANGE", items(call.tree, o), "0", "-1")
    local list = {}
    for _ = 1, times do
      for _, record in ipairs(before) do
        local _, objects, bytes = kept.parts(record)
        list[#list + 1] = objects
        list[#list + 1] = bytes
      end
    end
    end_with(call.tree, o, 0, records_of(call.tree, o, list))
    for _, record in ipairs(before) do kept.drop(call.tree, record) end
    return { "ok" }
  end)

  -- list_reverse o → ok
  kept.step("list", "list_reverse", {}, function(call, o)
    local before, turned = redis.call("LRANGE", items(call.tree, o), "0", "-1"), {}
    for i = #before, 1, -1 do turned[#turned + 1] = before[i] end
    end_with(call.tree, o, 0, turned)
    kept.stamp(call.tree, o, 1)
    return { "ok" }
  end)

  -- list_slice o start end → ok (objects bytes)…
  kept.step("list", "list_slice", reads, function(call, o, first, last)
    local from, to, length = whole(first), whole(last), length_of(call.tree, o)
    if not from or not to then return { "no", "malformed" } end
    from, to = cut(from, length), cut(to, length)
    if from >= to then return { "ok" } end
    return give_all(call, redis.call("LRANGE", items(call.tree, o), text(from), text(to - 1)), { "ok" })
  end)

  -- list_walk o from most back → ok next (objects bytes)…: up to `most` items from an index on, or from there back. Where
  -- there are fewer by now, it goes back from the last. `next` is empty at the end.
  kept.step("list", "list_walk", reads, function(call, o, from, most, back)
    local first, count, length = whole(from), whole(most), length_of(call.tree, o)
    if not first or not count or count < 1 then return { "no", "malformed" } end
    if back ~= "1" then
      local records = redis.call("LRANGE", items(call.tree, o), text(first), text(first + count - 1))
      return give_all(call, records, { "ok", #records == count and text(first + count) or "" })
    end
    local at = first < 0 and length - 1 or math.min(first, length - 1)
    if at < 0 then return { "ok", "" } end
    local least = math.max(0, at - count + 1)
    local records, turned = redis.call("LRANGE", items(call.tree, o), text(least), text(at)), {}
    for i = #records, 1, -1 do turned[#turned + 1] = records[i] end
    return give_all(call, turned, { "ok", least > 0 and text(least - 1) or "" })
  end)

  local function look_at(call, o, at, answer)
    if at == nil then
      answer[#answer + 1] = version_of(call.tree, o)
      return give_all(call, redis.call("LRANGE", items(call.tree, o), "0", "-1"), answer)
    end
    local record = redis.call("LINDEX", items(call.tree, o), text(at))
    answer[#answer + 1] = (kept.parts(record))
    return kept.give(call, answer, record)
  end

  -- list_read o index → ok version objects bytes | no range length; with an empty index, of the whole list: all items.
  kept.step("list", "list_read", reads, function(call, o, index)
    if index == "" then return look_at(call, o, nil, { "ok" }) end
    local wanted, length = whole(index), length_of(call.tree, o)
    if not wanted then return { "no", "malformed" } end
    local at = place(wanted, length)
    if not at then return { "no", "range", text(length) } end
    return look_at(call, o, at, { "ok" })
  end)

  -- list_assign o index version [objects bytes]… → ok 1 | ok 0 version (objects bytes)… | no range length
  kept.step("list", "list_assign", {}, function(call, o, index, known, packed)
    local list, length = kept.many(packed, 2), length_of(call.tree, o)
    local at = index ~= "" and whole(index) or nil
    local why = kept.refusal_of(call.tree, list, 2) or (index ~= "" and (not at or #list ~= 2) and "malformed")
    if why then return { "no", why } end
    if index == "" then
      if version_of(call.tree, o) ~= known then
        return look_at(call, o, nil, { "ok", "0" })
      end
      local before = redis.call("LRANGE", items(call.tree, o), "0", "-1")
      end_with(call.tree, o, 0, records_of(call.tree, o, list))
      for _, record in ipairs(before) do kept.drop(call.tree, record) end
      return { "ok", "1" }
    end
    at = place(at, length)
    if not at then return { "no", "range", text(length) } end
    local before = redis.call("LINDEX", items(call.tree, o), text(at))
    if kept.parts(before) ~= known then return look_at(call, o, at, { "ok", "0" }) end
    redis.call("LSET", items(call.tree, o), text(at), records_of(call.tree, o, list)[1])
    kept.drop(call.tree, before)
    return { "ok", "1" }
  end)
end
