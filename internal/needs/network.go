package needs

var network = []Agent{}
