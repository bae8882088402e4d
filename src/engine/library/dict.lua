-- dict and Namespace: values by keys, in the order in which the keys came.
--
-- | key     | what |
-- | ------- | ---- |
-- | o:<o>   | hash: `stamp`, the last one that was given to a value; `gone`, the last one when a key went |
-- | o:<o>:v | hash: the value of each key (kept.lua) |
-- | o:<o>:k | sorted set: the keys by the stamps with which they came |
--
-- | version of | is | changes |
-- | ---------- | -- | ------- |
-- | a value    | its stamp | when the key is given a value, or goes |
-- | no value   | `-` and `gone` | when the key is given a value; or any key goes, which is more often than needed |

kinds.dict = {
  keys = { ":v", ":k" },
  make = function(call) kept.count(call.tree, 1) end,
  cancel = function() end,
  destroy = function(tree, o)
    local records = kept.has_nested(tree, o) and redis.call("HVALS", key_of(tree, o) .. ":v") or {}
    kept.give_up(tree, o, records)
  end,
}

do
  local reads, frees = { "allow-oom" }, { "allow-oom" }

  local function values(tree, o)
    return key_of(tree, o) .. ":v"
  end

  local function order(tree, o)
    return key_of(tree, o) .. ":k"
  end

  local function put(call, o, key, objects, bytes)
    local before = redis.call("HGET", values(call.tree, o), key)
    local stamp = kept.stamp(call.tree, o, 1)
    redis.call("HSET", values(call.tree, o), key, kept.keep(call.tree, o, stamp, objects, bytes))
    redis.call("ZADD", order(call.tree, o), "NX", text(stamp), key)
    if before then kept.drop(call.tree, before) end
  end

  -- Takes a key away; what is done with its record in between is done while its objects are held.
  local function remove(call, o, key, use)
    local record = redis.call("HGET", values(call.tree, o), key)
    if not record then return false end
    redis.call("HDEL", values(call.tree, o), key)
    redis.call("ZREM", order(call.tree, o), key)
    redis.call("HSET", key_of(call.tree, o), "gone", text(kept.stamp(call.tree, o, 1)))
    if use then use(record) end
    kept.drop(call.tree, record)
    return true
  end

  local function version(tree, o, record)
    if record then return (kept.parts(record)) end
    return "-" .. (redis.call("HGET", key_of(tree, o), "gone") or "0")
  end

  -- dict_size o → ok size
  kept.step("dict", "dict_size", reads, function(call, o)
    return { "ok", text(redis.call("HLEN", values(call.tree, o))) }
  end)

  -- dict_get o key → ok [objects bytes]
  kept.step("dict", "dict_get", reads, function(call, o, key)
    if not key then return { "no", "malformed" } end
    local record = redis.call("HGET", values(call.tree, o), key)
    return record and kept.give(call, { "ok" }, record) or { "ok" }
  end)

  -- dict_has o key → ok 1 | ok 0
  kept.step("dict", "dict_has", reads, function(call, o, key)
    if not key then return { "no", "malformed" } end
    return { "ok", text(redis.call("HEXISTS", values(call.tree, o), key)) }
  end)

  -- dict_set o key objects bytes → ok
  kept.step("dict", "dict_set", {}, function(call, o, key, objects, bytes)
    local why = kept.refusal(call.tree, objects, bytes)
    if why then return { "no", why } end
    put(call, o, key, objects, bytes)
    return { "ok" }
  end)

  -- dict_delete o key → ok 1 | ok 0
  kept.step("dict", "dict_delete", frees, function(call, o, key)
    if not key then return { "no", "malformed" } end
    return { "ok", remove(call, o, key) and "1" or "0" }
  end)

  -- dict_take o key → ok [objects bytes]: takes the key away.
  kept.step("dict", "dict_take", frees, function(call, o, key)
    if not key then return { "no", "malformed" } end
    local answer = { "ok" }
    remove(call, o, key, function(record) kept.give(call, answer, record) end)
    return answer
  end)

  -- dict_last o → ok [key objects bytes]: takes away the key that came last.
  kept.step("dict", "dict_last", frees, function(call, o)
    local key = redis.call("ZREVRANGE", order(call.tree, o), "0", "0")[1]
    local answer = { "ok", key }
    if key then remove(call, o, key, function(record) kept.give(call, answer, record) end) end
    return answer
  end)

  -- dict_default o key objects bytes → ok objects bytes: of the value that is there, or else is put there now.
  kept.step("dict", "dict_default", {}, function(call, o, key, objects, bytes)
    local why = kept.refusal(call.tree, objects, bytes)
    if why then return { "no", why } end
    local record = redis.call("HGET", values(call.tree, o), key)
    if not record then
      put(call, o, key, objects, bytes)
      record = redis.call("HGET", values(call.tree, o), key)
    end
    return kept.give(call, { "ok" }, record)
  end)

  -- dict_update o [key objects bytes]… → ok: all or none.
  kept.step("dict", "dict_update", {}, function(call, o, packed)
    local list = kept.many(packed, 3)
    local why = kept.refusal_of(call.tree, list, 3)
    if why then return { "no", why } end
    for i = 1, #list, 3 do put(call, o, list[i], list[i + 1], list[i + 2]) end
    return { "ok" }
  end)

  -- dict_clear o → ok
  kept.step("dict", "dict_clear", frees, function(call, o)
    local records = kept.has_nested(call.tree, o) and redis.call("HVALS", values(call.tree, o)) or {}
    redis.call("UNLINK", values(call.tree, o), order(call.tree, o))
    redis.call("HSET", key_of(call.tree, o), "gone", text(kept.stamp(call.tree, o, 1)))
    for _, record in ipairs(records) do kept.drop(call.tree, record) end
    return { "ok" }
  end)

  -- dict_keys o → ok key…: in their order.
  kept.step("dict", "dict_keys", reads, function(call, o)
    local answer = redis.call("ZRANGE", order(call.tree, o), "0", "-1")
    table.insert(answer, 1, "ok")
    return answer
  end)

  local function give_all(call, o, keys, answer)
    for from = 1, #keys, kept.most do
      local to = math.min(from + kept.most - 1, #keys)
      local records = redis.call("HMGET", values(call.tree, o), unpack(keys, from, to))
      for i, record in ipairs(records) do
        answer[#answer + 1] = keys[from + i - 1]
        kept.give(call, answer, record)
      end
    end
    return answer
  end

  -- dict_items o → ok (key objects bytes)…: in their order.
  kept.step("dict", "dict_items", reads, function(call, o)
    return give_all(call, o, redis.call("ZRANGE", order(call.tree, o), "0", "-1"), { "ok" })
  end)

  -- dict_walk o from most back → ok next (key objects bytes)…: up to `most` keys behind the stamp `from`, or before it.
  -- `from` is empty at the beginning; `next` is where to go on, or empty at the end.
  kept.step("dict", "dict_walk", reads, function(call, o, from, most, back)
    local count = tonumber(most)
    if not count or count < 1 or count % 1 ~= 0 or not from:match("^%d*$") then return { "no", "malformed" } end
    local bound = from == "" and (back == "1" and "+inf" or "-inf") or "(" .. from
    local command = back == "1" and "ZREVRANGEBYSCORE" or "ZRANGEBYSCORE"
    local found = redis.call(command, order(call.tree, o), bound, back == "1" and "-inf" or "+inf", "WITHSCORES",
      "LIMIT", "0", most)
    local keys = {}
    for i = 1, #found, 2 do keys[#keys + 1] = found[i] end
    local last = #keys == count and text(tonumber(found[#found])) or ""
    return give_all(call, o, keys, { "ok", last })
  end)

  local function look_at(call, o, key, answer)
    local record = redis.call("HGET", values(call.tree, o), key)
    answer[#answer + 1] = version(call.tree, o, record)
    return record and kept.give(call, answer, record) or answer
  end

  -- dict_read o key → ok version [objects bytes]
  kept.step("dict", "dict_read", reads, function(call, o, key)
    if not key then return { "no", "malformed" } end
    return look_at(call, o, key, { "ok" })
  end)

  -- dict_assign o key version objects bytes → ok 1 | ok 0 version [objects bytes]: only if it still has that version.
  kept.step("dict", "dict_assign", {}, function(call, o, key, known, objects, bytes)
    local why = kept.refusal(call.tree, objects, bytes)
    if why then return { "no", why } end
    if version(call.tree, o, redis.call("HGET", values(call.tree, o), key)) ~= known then
      return look_at(call, o, key, { "ok", "0" })
    end
    put(call, o, key, objects, bytes)
    return { "ok", "1" }
  end)
end
