package state

// addressSetting is where the callers of the API reach the sandbox. What happens by the
// clock, without a call, needs it for the addresses of pages.
const addressSetting = "address"

// rememberAddress notes where a caller has reached the sandbox.
func (t *Tx) rememberAddress(address string) error {
	known, err := t.Setting(addressSetting, "")
	if err != nil || known == address {
		return err
	}
	return t.PutSetting(addressSetting, address)
}

// RememberAddress notes where the request has reached the sandbox.
func (c *Request) RememberAddress() error { return c.rememberAddress(c.Address("")) }

// Page is the address of one of the sandbox's pages, as the latest caller of the API
// would reach it.
func (t *Tx) Page(path string) (string, error) {
	base, err := t.Setting(addressSetting, "http://127.0.0.1:4242")
	return base + path, err
}
