-- What is seen from outside: hosts, trees, processes and objects, as JSON. Nothing here changes anything.

do
  local MOST = 1000 -- of each: one step must not take long

  local function pairs_of(key)
    local flat, fields = redis.call("HGETALL", key), {}
    for i = 1, #flat, 2 do
      -- What is no short text is contents, and none of a viewer's business.
      if #flat[i + 1] <= 64 and not flat[i + 1]:find("[%c\128-\255]") then fields[flat[i]] = flat[i + 1] end
    end
    return fields
  end

  local function first(list)
    for i = #list, MOST + 1, -1 do list[i] = nil end
    return list
  end

  -- How much is in a key. Its type is not asked: the rights that a user of the engine needs do not have that.
  local function size(key)
    for _, command in ipairs({ "LLEN", "ZCARD", "HLEN", "SCARD", "XLEN" }) do
      local size = redis.pcall(command, key)
      if type(size) == "number" then return size end
    end
    return 0
  end

  -- survey → ok json: of a tree its members and objects; of the hosts, these and the names of the trees.
  look("survey", { "no-writes" }, function(tree)
    if redis.call("EXISTS", tree .. "tree") == 0 then return { "gone" } end
    local seen = { time = members.clock(tree), tree = pairs_of(tree .. "tree"), members = {}, objects = {}, trees = {} }
    for _, m in ipairs(first(redis.call("HKEYS", tree .. "alive"))) do
      local fields = pairs_of(tree .. "p:" .. m)
      fields.member = m
      fields.taken = redis.call("ZCARD", tree .. "taken:" .. m)
      seen.members[#seen.members + 1] = fields
    end
    if tree == members.hosts(tree) then
      seen.waiting = redis.call("LLEN", tree .. "queue")
      seen.trees = first(redis.call("ZRANGE", tree .. "trees", 0, MOST))
    end
    for _, o in ipairs(redis.call("SSCAN", tree .. "all", "0", "COUNT", MOST)[2]) do
      local kind, fields, sizes = kind_of(tree, o), pairs_of(tree .. "o:" .. o), {}
      for _, ending in ipairs(kind and kind.keys or {}) do sizes[ending] = size(tree .. "o:" .. o .. ending) end
      fields.object = o
      seen.objects[#seen.objects + 1] = { fields = fields, sizes = sizes }
    end
    return { "ok", cjson.encode(seen) }
  end)
end
