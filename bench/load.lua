-- The script of wrk: picks the requests and checks the answers. The environment variables REQUESTS, ANSWERS and WRITES name files.
-- REQUESTS: one request on each line, as method, path and body, separated by tabs.
-- ANSWERS: all right answers, one on each line. Each answer to a request must equal one of them byte for byte, except for a final line break.
-- WRITES: optional; more requests in the same format. One request in ten is the next line of this file. Each line is sent once, and its answer
-- must contain the text of the environment variable WRITTEN.

local AUTHORIZATION, WRITTEN = os.getenv("AUTHORIZATION"), os.getenv("WRITTEN")
local requests, writes, right = {}, {}, {}
local next_write = 0
wrong, sample = 0, ""

local function prepared(path)
  local found = {}
  for line in io.lines(path) do
    local method, target, body = line:match("^([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = { ["content-type"] = "application/json", ["authorization"] = AUTHORIZATION }
    found[#found + 1] = wrk.format(method, target, headers, body ~= "" and body or nil)
  end
  return found
end

local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function init(args)
  math.randomseed(tonumber(os.getenv("SEED")))
  requests = prepared(os.getenv("REQUESTS"))
  if os.getenv("WRITES") then writes = prepared(os.getenv("WRITES")) end
  for line in io.lines(os.getenv("ANSWERS")) do right[line] = true end
end

function request()
  if #writes > 0 and math.random(10) == 1 then
    next_write = next_write + 1
    return writes[next_write] or error("there are no more writes")
  end
  return requests[math.random(#requests)]
end

function response(status, headers, body)
  -- Apollo Server ends its answers with a line break.
  if body:byte(-1) == 10 then body = body:sub(1, -2) end
  if status ~= 200 or not (right[body] or (WRITTEN and body:find(WRITTEN, 1, true))) then
    wrong = wrong + 1
    sample = status .. " " .. body:sub(1, 300):gsub("\n", " ")
  end
end

function done(summary, latency)
  local example, count = "", 0
  for _, thread in ipairs(threads) do
    count = count + thread:get("wrong")
    example = thread:get("sample") or example
  end
  local errors = summary.errors
  io.stderr:write(string.format("%d %d %d %d %d %d\n%s\n", summary.requests, summary.duration, count,
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99), example))
end
