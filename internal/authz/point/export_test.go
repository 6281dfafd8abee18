package point

// Decode is for the fuzz test.
var Decode = decode
