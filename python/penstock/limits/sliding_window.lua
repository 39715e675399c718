-- Exact sliding windows for all scopes of one provider request: every demand is met, or none.
-- The theory is in quota.py, the same steps in plain Python in model.py; change them together.
--
-- KEYS[1]  epoch: stamp (whose memory this is), opens (when grants begin), seen (latest time, so that time never runs back)
-- KEYS[2…] one hash per scope: last (bucket up to which the slots are current), total, and the slots 0…100
-- ARGV[1]  doubles: nonce, span in µs, TTL of the epoch in ms, and for each scope limit, bucket width in µs, least, most, and
--          what is given back with the time it was taken; behind them the stamp
-- Returns  nonce, time in µs, wait in µs, blocker (-1 none, 0 the epoch, else the scope's number); then, unless the epoch
--          blocks, for each scope what it gave, what is free, the wait until `least` is free, and until all is
local SLOTS = 101
local count = 3 + 6 * (#KEYS - 1)
local numbers = {struct.unpack('<' .. string.rep('d', count), ARGV[1])}
local nonce, span, epoch_ttl = numbers[1], numbers[2], numbers[3]

local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])

-- A server that took over, or came back from an old snapshot, has another run_id. Where INFO is not allowed it is left out.
local info = redis.pcall('INFO', 'server')
local stamp = string.sub(ARGV[1], 8 * count + 1) .. ':' .. (type(info) == 'string' and string.match(info, 'run_id:(%x+)') or '')

local epoch = redis.call('HMGET', KEYS[1], 'stamp', 'opens', 'seen')
local opens, seen = tonumber(epoch[2] or nil), tonumber(epoch[3] or nil)
if epoch[1] ~= stamp or not opens or not seen or seen - now > span then
  opens = now + span
  redis.call('HSET', KEYS[1], 'stamp', stamp, 'opens', opens, 'seen', now)
  redis.call('PEXPIRE', KEYS[1], epoch_ttl)
elseif now > seen then
  redis.call('HSET', KEYS[1], 'seen', now)
  if now - seen > 1000000 or math.floor(now / 1000000) ~= math.floor(seen / 1000000) then
    redis.call('PEXPIRE', KEYS[1], epoch_ttl)
  end
else
  now = seen
end
if now < opens then
  return {nonce, now, opens - now, 0}
end

-- Read one scope as it stands at this moment, without writing.
local function look(key, width)
  local bucket = math.floor(now / width)
  local slot = bucket % SLOTS
  local state = redis.call('HMGET', key, 'last', 'total', slot)
  local last, total, here = tonumber(state[1] or nil), tonumber(state[2] or nil) or 0, tonumber(state[3] or nil) or 0
  if not last or last > bucket or bucket - last >= SLOTS then
    return {key = key, width = width, bucket = bucket, slot = slot, total = 0, here = 0, fresh = true, last = bucket - SLOTS,
      returned = 0}
  end
  local cleared = {}
  if bucket > last then
    here = 0
    local passed = {}
    for b = last + 1, bucket do
      passed[#passed + 1] = b % SLOTS
    end
    for i, amount in ipairs(redis.call('HMGET', key, unpack(passed))) do
      amount = tonumber(amount or nil) or 0
      if amount > 0 then
        total = total - amount
        if passed[i] ~= slot then
          cleared[#cleared + 1] = passed[i]
          cleared[#cleared + 1] = 0
        end
      end
    end
  end
  return {key = key, width = width, bucket = bucket, slot = slot, total = total, here = here, cleared = cleared, last = last,
    returned = 0}
end

-- Cease to count what was taken in a bucket that still counts; nothing is written before `put`.
local function give_back(scope, amount, since)
  local bucket = math.floor(since / scope.width)
  if amount <= 0 or scope.fresh or bucket <= scope.bucket - SLOTS or bucket > scope.last then
    return
  end
  local there = bucket == scope.bucket and scope.here or tonumber(redis.call('HGET', scope.key, bucket % SLOTS) or nil) or 0
  scope.returned, scope.returned_from = math.min(amount, there), bucket
  scope.total = scope.total - scope.returned
  if bucket == scope.bucket then
    scope.here = there - scope.returned
  else
    scope.cleared[#scope.cleared + 1] = bucket % SLOTS
    scope.cleared[#scope.cleared + 1] = there - scope.returned
  end
end

-- How long until `missing` units cease to count: walk the slots that still count, oldest first.
local function wait_for(scope, missing)
  local live = {}
  for b = scope.bucket - SLOTS + 1, scope.last do
    live[#live + 1] = b % SLOTS
  end
  if #live > 0 then
    for i, amount in ipairs(redis.call('HMGET', scope.key, unpack(live))) do
      missing = missing - (tonumber(amount or nil) or 0)
      if scope.bucket - SLOTS + i == scope.returned_from then
        missing = missing + scope.returned
      end
      if missing <= 0 then
        return (scope.bucket - SLOTS + i + SLOTS) * scope.width - now
      end
    end
  end
  return SLOTS * scope.width
end

local scopes, wait, blocker = {}, 0, -1
for i = 2, #KEYS do
  local at = 6 * i - 9
  local limit, least = numbers[at + 1], numbers[at + 3]
  local scope = look(KEYS[i], numbers[at + 2])
  give_back(scope, numbers[at + 5], numbers[at + 6])
  scope.limit, scope.wait = limit, 0
  scope.take = math.min(numbers[at + 4], limit - scope.total)
  if scope.total + least > limit then
    scope.wait = wait_for(scope, scope.total + least - limit)
    if scope.wait > wait then
      wait, blocker = scope.wait, i - 1
    end
  end
  scopes[#scopes + 1] = scope
end

-- What was taken last stays what it was where something is only given back.
local function put(scope)
  local fields, last = scope.cleared or {}, scope.take > 0 and scope.bucket or scope.last
  for _, word in ipairs({'last', last, 'total', scope.total + scope.take, scope.slot, scope.here + scope.take}) do
    fields[#fields + 1] = word
  end
  if scope.fresh then
    redis.call('DEL', scope.key)
  end
  redis.call('HSET', scope.key, unpack(fields))
  if last > scope.last then
    redis.call('PEXPIRE', scope.key, math.ceil(2 * SLOTS * scope.width / 1000) + 1000)
  end
  scope.total, scope.last = scope.total + scope.take, last
end

local answer = {nonce, now, wait, blocker}
for _, scope in ipairs(scopes) do
  if blocker >= 0 then
    scope.take, scope.total = 0, scope.total + scope.returned
  else
    scope.take = math.max(0, scope.take)
    if scope.take + scope.returned > 0 then
      put(scope)
    end
  end
  local reset = scope.total > 0 and (scope.last + SLOTS) * scope.width - now or 0
  for _, word in ipairs({scope.take, math.max(0, scope.limit - scope.total), scope.wait, reset}) do
    answer[#answer + 1] = word
  end
end
return answer
