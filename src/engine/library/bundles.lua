-- Bundles: records that a member was given by one step, kept as one thing until the last of them has landed. Noting and
-- forgetting each by itself would cost the engine more than all else that is done with a record.
--
-- There are bundles of queues that count no tasks, of two records or more with which nothing goes. Their takes are numbers
-- as others are, one after the other; what a step does to a take in a bundle, it does as to one by itself.
--
-- | key    | what |
-- | ------ | ---- |
-- | o:<q>:u | hash: by the number of the first take the records, packed; behind that number and a `+`, for each of them |
-- |         | a `1` while its member has it, then a `0` |
-- | o:<q>:k | has `B<m>:<number of the first take>` |

do
  local HELD, GONE = ("1"):byte(), ("0"):byte()

  local function mark_of(m, t)
    return "B" .. queues.mark_of(m, t)
  end

  -- Whether records are kept as a bundle.
  local function fits(q, records)
    if q.counts or #records < 2 then return false end
    for _, record in ipairs(records) do
      if record:byte(3) + record:byte(4) > 0 or queues.is_blob(record) then return false end
    end
    return true
  end

  -- Notes that a member is given records; whether they are a bundle, whose first take is `t`.
  function queues.bundle(q, m, records, t)
    if not fits(q, records) then return false end
    redis.call("HSET", q.key .. ":u", text(t), bytes_of(records), text(t) .. "+", ("1"):rep(#records))
    redis.call("ZADD", q.key .. ":k", "0", mark_of(m, t))
    return true
  end

  local function opened(q, m, first)
    local held = redis.call("HGET", q.key .. ":u", text(first) .. "+")
    return held and { m = m, first = first, cells = { held:byte(1, -1) }, left = select(2, held:gsub("1", "")) }
  end

  local function records_of(q, bundle)
    bundle.records = bundle.records or cmsgpack.unpack(redis.call("HGET", q.key .. ":u", text(bundle.first)))
    return bundle.records
  end

  local function save(q, bundle)
    local key, first = q.key .. ":u", text(bundle.first)
    if bundle.left > 0 then return redis.call("HSET", key, first .. "+", string.char(unpack(bundle.cells))) end
    redis.call("HDEL", key, first, first .. "+")
    redis.call("ZREM", q.key .. ":k", mark_of(bundle.m, bundle.first))
  end

  -- The bundle of a member that a take may be in.
  local function bundle_at(q, m, number)
    local least, most = "[B" .. m .. ":", "[" .. mark_of(m, number)
    local mark = redis.call("ZREVRANGEBYLEX", q.key .. ":k", most, least, "LIMIT", "0", "1")[1]
    return mark and opened(q, m, tonumber(mark:match(":(%d+)$")))
  end

  -- One after the other: takes that a member has in bundles are no more, and `each` is given the records, if there is one;
  -- `other` is given the rest of what is named.
  function queues.unbundle(q, m, takes, each, other)
    local has_some, bundle = not q.counts and redis.call("EXISTS", q.key .. ":u") == 1, nil
    for _, t in ipairs(takes) do
      local number = has_some and queues.is_number(t) and tonumber(t)
      local at = bundle and number and number - bundle.first + 1
      if number and not (at and bundle.cells[at]) then
        if bundle then save(q, bundle) end
        bundle = bundle_at(q, m, number)
        at = bundle and number - bundle.first + 1
      end
      local cell = at and bundle.cells[at]
      if not cell then
        other(t)
      elseif cell == HELD then
        bundle.cells[at], bundle.left = GONE, bundle.left - 1
        if each then each(records_of(q, bundle)[at]) end
      end
    end
    if bundle then save(q, bundle) end
  end

  -- The marks of the newest bundles of a member, so many at most.
  function queues.bundles_of(q, m, most)
    return redis.call("ZREVRANGEBYLEX", q.key .. ":k", "(B" .. m .. ";", "[B" .. m .. ":", "LIMIT", "0", text(most))
  end

  -- Takes a bundle apart whose member is dead: the records that it had, in their order.
  function queues.burst(q, m, first)
    local bundle, had = opened(q, m, first), {}
    for i, record in ipairs(bundle and records_of(q, bundle) or {}) do
      if bundle.cells[i] == HELD then had[#had + 1] = record end
    end
    save(q, { m = m, first = first, left = 0 })
    return had
  end
end
