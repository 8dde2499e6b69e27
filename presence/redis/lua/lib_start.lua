-- The start of a call, as it stands at the end of a pointer, ms.
local function start(pointer)
  return string.match(pointer, '%d+$')
end
