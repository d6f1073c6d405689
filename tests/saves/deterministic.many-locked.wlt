{
    "meta": {
        "coin": "skycoin",
        "cryptoType": "sha256-xor",
        "encrypted": "true",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "p+T/38DhSQw5XmWuM7qMuPyfkYEQmoxBjA+ZctYw4ZYLUGcU2QC7brLIejffnDXAooDH2hc0n9aSxKTMBWbuCtfru/OAYB7t97CxpXHRJHw4rn9r2QRqL0IXhsqU6iFyJY1baUWeakoOqfodyDpO+793QrPgfO18L6puDSAbZcAGjtlin9znqxnox+HfBiYmtm5FTncVDYM8tAkF3xtqbdjqzOlg3CpLYJ6uJ61XF69ivXndfHXZ536O4MTAplMESTpborG5u08CwmjTkYySeY+lIBGW+xmx95A7aFNdJd1ZFKA1ivo4KWxvOeMNy6EtcmAMGAWjuwKeKf0WxOdl4TU8yhA9A3xhJkIk5OP0orQQHuLILMGzAgGjH34U1EFqDiEzMqAXKy95mkx2SHkfZgWg81Ua+degh9VM2ZLM+ybJzpHWy6mlV2O91r+036nOw4xSp3BXkFAiG/rxIm1jtG81P/W0bA9546R5Ja+szhzF3ON5BltGMNAWAHQzI9jDfvqh7UTw4Ey7s1Xf2COou+4lECvvjLw1gTTNx98PXTRiEutt4XhuEz0aQzegSAfK/gu3Bc1kFo/k+miiFcrwW3oEhpWbcOx2g6mO5lFrcr1J5Ugk3ZA+34QawAWy/gWr5ZFniL2ifyAfwVCxkMosLVbr5GvyGJyD1qyKmpjFmB3Dg3ZX4S8/CigyTvux0blwqv6pCR58Tcav/JGbTwQuBS9lKP+0jhIaOhNODrwCWpES63Gk2PSJI1k3SVCwwnX2FELZ2FoXWvwfGsM9h9nF3ov8IUBXMQjv4aWo+R+PE4pMGgpe2T4lUqJ5WcxLuZtqKIIhUZESW5xZ5vI4dFQe/CpFdAY6kq2FoKqeUYlOW5rxE2Rbw83bEnwVXMkqDjlSlnRp9VAKabvVPgp+Q0idwD2picYXV+4GO6pYe7XfL/kRb5CZTNOEqcCJk5DMMpjr4uKA+DdTZKli4lvVWXyrLGKNlz04dj6XzyoDdCGkeUTSyBOAeq8NuR7EDBfBj1XpF52Gtt5+xrcJeqhrQ3u7pNNdRvETGtQpZbpzRYdM7DEKKZVyXbf2ICkiZ2cPs3Lhe/bsKI7pWRNNHA+uXBSR7Tw9PqKZ1JilZ05wtfedfXqErsJHm+77o6fOaTV434i0/oXWOrJ6Xs4U2OItwl8qdkJATN+6C+KS+qAkmXuUHFrz6y2du90gV1ut8qjNVDuELO29v/qBEk4A6+6Vt6aiFzkbG+q3KsWxPxBYa8wTMdJm7vxV57Y/fxJPvHvwSLUqA/XA3QVXrriX7vF3FEKseO8VjUsj6WlZTXAWDykFg5MvRDGQmXsEMCcs/zq3z9KsoKfsAjZ9LbJUZKXKhA1wsIrte6ullUPBRn4PVYTq22YaZ3hQxhRdzHEf3PRzN5Jt29YbTEmlShDFzmX4V1EMlFwigmG+38BaXUcgdATmPE221MhqdgUcHpu3daBk6zg13lFHerZ0quDdmBwwnS+OcsN+DOqp95iZDgjQdnBO4iqAmWmqB6nk9Drt5F1Rxj30OXTnNtQRVQIimKH/HoWT2xm+S55TVF8rPyo0GPi/NZZkMX6WAemCLlUjNh1QJjwMichmrBFgAjq5Wlouv5Lsvw1FVUblRHN1wP7xA1Jnsn+7NMskRnDxLF7enHkErc0dnpiTrwe5h8v+hMZ9vUvtBMr/0zmt21V5ncPjnS1ZomExzY4PzJgNh5qmR491wZEEDxFbc/verKli1sUQ/W2/LcQRDQGHZDlopOJUWs7rhjv6rKskyIdv7KsVKYFy6Dkh4+bXYRcGEVffYz64ezBhM7ytDysKi8sqA3e9R8OIijEazu9+YQ4s9xHY2zUT6WayPJcvXLD/GNijuU8N61AYsdpouw3jf7lp8E401XTtEO93vDQMjlJ9mTXik5fjV7hXeeDa09do65v8L+7SHkJOWEByPrdmg1AgO2m9x2u9zHKbHahjzKLHpiYV02UJcpVfNc3OFPD+lvqofIaSyg24Zs3ZDhMqIcxWxhM2ZgMlg4DlYP4PWuMKDk1gZK/SypjHYybn0jhi47DPNKjlPWMlx8O8178kukfxujbocC/qmXQnyOSgNaZ4qV/bA4Maq737JTg8D2R3sFuKWSJcuy5yBvzsvoxiVaouFjq0r9TcH4kgFHAw/6xl5fUaNdkF+kMeVMtpZh9Eb5JQQXfgl1/s+Aa3UUw6QtZEQeWUjXS8CDSTwh7mK+z2ze45MYaEhOCZxB+YtyE91zKtk5o069utvhZbX0dwGCp+U48GVyR7c9Ra+3bwXMRokuNZpoOoWvbW10CkIaSTK0AghuN/OWZZxDb+hWZbiS4JvTv0/FP5Kz8w/8HPYemlg9iUtTfLe4AcsTTnOAz4zB5iId7sym9n2lnkCkd0V0UdAfnWKmqjdVwBI/akgfSrB2qMjyCHIRsWLXygHYlIcuXDx7wJmsV1t5aNqLYnp93V4YzbWM+6nC8tETH0Oaxk+M8+GUPI2yHy2rz5xwVtsUvxN6Iw5x/DdMZOKPudiwUNvbio1z3CpLD/zhgcNV6E4e4cuLYPcP5UAhWU72iN/baW2AcEDM3sfqjaQ8u5Sc/O5ZbArALZrQZx+DPAlouY5jMX0MCXjFCbWat+CdDjN275hoX/68/R9mxpjKHrkGopwmjLVHzZbI4lUrvFjll7NmDj2BddPQrE2TN9O3Gd8FR/fq1Sk/jLH7Ymgi/b82L1ivJm6tpD4sDbBBJSMK/9Wu4JWOauDrk5oSWMjb5XrXV+DY33GnR1qQrH6QhwMjTiWixeGx/aWhp+UDoP7GpFLzBWAqTeiBNu3eqVx8gWpzzhqkDanMEkUei6HiQtzBjdFACiKvck68DXOY+MoLQu6KbTYtqWYJ4BS4J38NfjAso6i+nBWgypoYhOJaEOeuGmbi6aZg8T+Xk3SYpMN0oThTGOt14kOGlyRCiQS8NCPLPajmUfUkJMVnKGYvI70LPkGKEA4aaf/o4rZ1v+f5DPWoHAnUXGbN5tuv+7/nwbKbl9xJnfXv95gP9+s9KYVCoI83ukp3FEoRbUs5aRsfs7OAggXIbUPubfjopU+/EnF1C1BTI6zw9eJGfUtc0iqY9h3dyoROyP9RnKPeatc2oZPVBPfVCyK7Yb3wW2NbjkNy+66wP3jBtBZ9m+CKdzBP4pMbFtpyoiRyQsxsgKdbvDKbxLZikITfX/",
        "seed": "",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "deterministic",
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