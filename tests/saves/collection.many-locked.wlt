{
    "meta": {
        "coin": "skycoin",
        "cryptoType": "sha256-xor",
        "encrypted": "true",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "f2VR4Ss5E2iTVRNwr6FI7XEAVcOMkYk4s/Giyw8TQ3Kfcf/iF8reIO4AQj9XEu95TK9fNN+Bkfqd0ZcvDcEQBahNaMOAOGBwK6tb0+Nvya9iU+bOT0wyncYiaCw0ulCbdVr76sv0LaGG78j/ZKzcWmQbcrJ3MPb8zgtg+5ZurjrSLVR6CPudBGCyY2S7cwcERXUUJvQgN5x4lRN7yY/AqfyfT2zetW2QK8qadhqAVkrr6Wl/+aKH0O2S4O7YHQHf1DPEkIl0k0L6ecG3xSnGlgUAIJkw6mtQkwho1GkbSAIYOYA39zhGtmh1Nx1+6kh9+yjL05izUjrCIAIyLMWP8frYLvuyDC5NQjH6F6WVp0Qks2Hz0EI8CqI/zt08heybViSEjYUHE2VW9EsyX1Zs+8WfxBsvhcqSd1j1arsi6utgLRhLrugH3w8mfYPK4+/GZNsI8KAfgA1+LLCP5YTjo1MpM6FyDlBiWKM4oGStBLOqu7siQ69DklCW7uaChDfD4jso0aSg7bJmsCwD+GYm7joL/oK1y/Xcev6x+/9a/PDzFAfHgZQFN6oIdL+3RrEJLEvhUb3x5x31nJViplFRvabiXIm6UkNPYPgkMhLDIHCdAPDN9f2ZHy50pqofqkV8UeEq14RDPhh2iAlda1Gr+FdrdSbEtkcD5okNAd3LhT6D8rzmlprv9uowwPVeTWVoGVkR/85FnkUlYN12Nentuk1nilI6MEbrYTnD+p8luKTjyJmnKkz7Mzs/0zfKN5yHJk8ruaCtJLzxYlGYsxVBPF4zcRa/adIRnpk2IIFlh36DoD/WZ4j4UDem9SGcayZGsZulTYL+WDaho5tu2Sf7xL/QNdNv17M3w072FaYISpkEOjKpXpgdkvv6Q/pMtpHnUkbUJk4Nt7QFu9pK9XBJDKbwFAobVJW146CLyldtT9EQcoM/Mi04dUoODxFOP0huPhV4XOcRA/ov9Jd3HHfykiTJW449+EQBTMFJ0q2oxTYYca8migFIok7+N1jPfZTyYBHNNaVjIuAJ89tZlNXQ8csnSIG6at/Q38YTpnSwrvUEQX2zMvEV0nY5eGie7t6GdfZEf7emTUBb0hWc55mL4nB7YIBxFjbWOiC8/RB9Be4GFPT8JCJLlJN8bRtWIhUh/kTdD61V5jf7mSTSKkDxf1RbPXcYrEUCzlqFdFphGRgobGf+hNF8O/aIfe1fBaAVAC7mEAYeLe290wIBS9Wir5dbZLJESz395IqNPkyHLhotL8H7rK39v36gXpRtnhxIG1skj+dHQDdgwOCt4kUettTt8K80w9QKiqUojiD2lE66UdGfR+X9ckfjpypvhakSTKWW8mo6FEZJJDIaMW0SWKWCXLtn++lVQ4qLKUzMi5oIacP0BXCbH+2gFt3Pdu/oNUxffm9y166UAYdEweM5u8cEO8ZhKeUY0rdb0pDXEGART/7dF1Wi7LDckgZu18BzWjQT5By+yISDsMXCeNDfa7MG/Z5Bq4n0mom5/OyyKa5lWyCJVsBuWmqZYbjxxtvMkG+SnLboru20Q8mhPvx7CdtdsidLybY2UYGIiUnP3u4nlF7IF1Yon4pLtI0figURdrSac+Tz1SN+vtlLoLUEYkLV6uzJU4gtyfMjdPX6RuS8FEj2xbECxBIymlv8XQjb49dNoaBDshnj7+KlN8ExNh86R4STYbCk3nxd0wZ4cRXyT5PmILR8s2+oa3LCWGjXv3iXloChJQTPVius2HjWgVQb7KMJEdl/zroIPsDwpihkoJ+LO7QJPclGQGtreNsn6EuDhlmIDBaEv8Z8kk2O6PZ4TfaJzz6J6bXG9fJiU/339z3Mj7SlRw1d4JQoa3sT9w+TVEViCvfWrG0FbWiEK+lCc0rLVOLY9kf0fniEOAkyLX4EvuE+j0TgZpjWZMbxNZXqeMgCTyBcXLQYkn31NguyhTwVRybrYz56ysynwIqMFz+m4WjUDqmUiF074tz/FwVElOvQPWWZNaKaJ+GMb2JTl7D28Xwi/H/AstvoYHkY2p2vpKV4yuDgAfrCK6e7G/mmFa5zy8uppOlpM94U9vL6tgrGDPjwOo8z14CBzXsnwvYqFivx4NiOgDs1T3u8mK+Oj/sYGVZ5R6Oftb8apFquBUehCBp8nhrB3HRP72zb2/jyncRUWz99tzfUvd6zo5VnxlwPW97ZD3rfttynueKlwqOgjMmA/y/9N1yrOORSUXbvhmVjhwt/4IN+VhvdVPQZ99x7C8oohrDar2bB/2opxDi5VITfzcI/0s9TpPm+MIPGbskha+k1QXH9tGGZejWoK9G1ifRZSJ5sZeCTop6AB1ejnZKCDYxVPqlmmTOdCmmlhR8/n5ahkqSh5Mh1yfS+xX1pcnMRd1eAp7ODlP5QFvvCIprn0aUEo6kmY5IF+okUFq2vHCbnzMoY/yH4LykGif0SEbeLlSqZ+Winag5uKbMoV/yKnRvcSd2cqZkhe4rNI+ZGJyovys2sWywGzI6pKKgRx3U5b6sdQk9ipO1BF63SdKJCuyTOD5IxFyEosSWPTcpXgxthVCLLQvDfElo/IV3R6INkJZQIYYC7Y2zCeQ62PhedLdvXwzoGu9iE2Cij5E2IYh0cZ70VQlNOoaWHsLY9R+FrwU3b20eE/sK9eopO7ikvt6a4couV09/nOS+Jhvcs0+L9QjMTnS0n75Jd7yhcIFat1jwa5VcUX493JShyyUaiAONGyyEZjT4L8wkupZy3u7nl/ulaxc3DIpNatsmCpLlTINcy5nbkpt19Mj/IxuBFMEgKYRCqeHpvWsVjiGvwYX67cSxweDPKBYDjimRxT63OzfJ9FF+15ukD33PMJre+tTDN7jyUALgpv/pg5Wp9IUowxJLI0zKYHpd3Y5OKS5OOJpFeo65M26MX8SyZ6R6AGw3DQdCVr2aajZkjOQttQfwOvrOlYMLQNA1LE4ijQvKQfNkmYPLQJsWNe4/jripenOZDqlPcLbI=",
        "seed": "",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "collection",
        "version": "0.4",
        "xpub": ""
    },
    "entries": [
        {
            "address": "2EFSW8YqFDG3x6mwfbDjBk6M9eMc6WUoFHZ",
            "public_key": "0305e00701e9ac4ebc32de970042e065b0815bdb6a0689478c63eb5834fdf1871a",
            "secret_key": ""
        },
        {
            "address": "24qhX1ZC9F8iDaT6R13j4fgJyQvumW2izpm",
            "public_key": "02dfaea66d7fffc86f30446226d191720ef4cfff028851e276f69300906bdcbc03",
            "secret_key": ""
        },
        {
            "address": "oJAsEpQrwQdVs6D12ufJ4T25EcCQYg9XFX",
            "public_key": "03c072cf0f6cdf503d00b086ed776999f67fe5a065d64e682fdb5e900c9a41826d",
            "secret_key": ""
        },
        {
            "address": "Zr7NGdVCLTPCbCrCBeYQFYHt389XhEUcfk",
            "public_key": "03e3be0c221ac14df0a71a739b02d8a3585af2ec38b60f812a7c72baa8bc215c8c",
            "secret_key": ""
        },
        {
            "address": "R48MmWamS2Z7eomRu4swN1Qn1fNvyRWmbr",
            "public_key": "021170db935bac17ac3754bd3086e22b869744d33063f3922b3e62edae95e8f97e",
            "secret_key": ""
        },
        {
            "address": "TZTziG8nnjot6br48btTCiwHHyzFktETYn",
            "public_key": "027ee56798b97b1719c11eda524712358dcce5cf21da67ed1a5e603f34aac76de0",
            "secret_key": ""
        },
        {
            "address": "2erA869uwmKLVJJPxGCStKgwkxNzhKiyQUP",
            "public_key": "039c1f8f6f72c51a64d26e0848331b97f7523727c855df3eb297bec9f84d3cd616",
            "secret_key": ""
        },
        {
            "address": "Kv6bfsgsaNjGdY1N4CkWsqERW6iRkfLx6V",
            "public_key": "036f22d250a23be12a81bbdc122ceee551a0cbb62860d0afebcc903982f0b75755",
            "secret_key": ""
        },
        {
            "address": "2HtBwWZ5Uyrq6dM4ZX5YdN9LdPzDTR62CJG",
            "public_key": "024d8b68385c62fff5989f46a145a97af00201066b9f59dc4611265fbb04e64fbc",
            "secret_key": ""
        },
        {
            "address": "95tRnfvCZqnw3qhug5ShcpK3Y7khDpZTxx",
            "public_key": "025cdcf8fc1230b0e1ac9574190c47759ef6ddc18f24c35f09c3b86e3dc47d7020",
            "secret_key": ""
        },
        {
            "address": "2dzMJ3jZ9ywxC1HUU72mGZaHRD8fYE66uhP",
            "public_key": "035e08e0704fa63e84c43e510944c4f55351bef28889a26c153a2c3e32a1535df6",
            "secret_key": ""
        },
        {
            "address": "2geXvqB3QXrCZjyWq2MhLVa3yTJ73ktand2",
            "public_key": "0380b59c81185b6cbb6d0f5fae20d8c31adf8ba8d85ed754965092908d3a72b4fb",
            "secret_key": ""
        },
        {
            "address": "5CMGiuPiNqwzLi4XrjXGtZd4Mm5orYaM46",
            "public_key": "03b431e1b99202f3211cda9fbb185025113bb64cbda4c581c3144fdef378696a9b",
            "secret_key": ""
        },
        {
            "address": "2iWmUsPzQB8orzkyWFpBRen5Wp1ea9LTy1g",
            "public_key": "02a8aa1bdf2506097ef75239253512e109caf08614d57cc5b2e3280873c3cee72f",
            "secret_key": ""
        },
        {
            "address": "b5VHDHWQ1AXxrdPrfHQYiALyEBTx1eNJxQ",
            "public_key": "03c868d4dc733160921ac87a0fc3bb68da6f18d67713ebc3c93ce5b25ec10a5ce1",
            "secret_key": ""
        },
        {
            "address": "2QyALi1WuEox8x8tNRYLDW7pnbdBV7yokru",
            "public_key": "0296141c0fdcfa94a46481dd5107ab071d28a5b0264e8fc65b6e4f02297aa1af89",
            "secret_key": ""
        },
        {
            "address": "2VRkMZv1PvAcVYDgdSdnNucQ8odakre2djt",
            "public_key": "03bb133fab4be0608af37d4aad300a99b6e83e91c72b4380801fac73eec78fc65e",
            "secret_key": ""
        },
        {
            "address": "2i9ZNTSSw36aEU3BYoLCFRPSyYDEqTD563n",
            "public_key": "02ecf556518130be2b3317f5d9232d3b2eb3584f3530757c02ccc9c6f817d97f15",
            "secret_key": ""
        },
        {
            "address": "25r5otf3JkyJwk611es3mZLwrNeZc39rXQ",
            "public_key": "02911c4b23d9453d2d6f76a9e0d2be45b76008017ed79a7b1fbf4b466118b54cc3",
            "secret_key": ""
        },
        {
            "address": "2cyZDdyKFkB1YdpLLokJsksJsBYXDsvqLuY",
            "public_key": "0232ce3af66cecbad930bc8641bd1feb2be7614b7efda81921c061da66f1b1807f",
            "secret_key": ""
        }
    ]
}